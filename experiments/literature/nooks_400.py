"""How many crashes of the kernel does recovery prevent when five faults at once hit a driver?

Expected: crashes in both configurations, hardly fewer with recovery, because a reload cannot help a dead kernel.
After: M. Swift, B. Bershad, H. Levy, "Improving the reliability of commodity operating systems", SOSP 2003: 400 trials
per extension, 5 random faults of the Rio injector's types each, every trial with and without Nooks. 317 crashes
became 4.
The same: 400 trials per driver, 5 faults each of the same types, each list run in two configurations.
Different: the configurations are "nobody acts" and "the driver is reloaded": neither isolates the kernel from the
driver; sites are drawn among those that a golden trial executes; types are redefined for x86-64 (docs/fault-models.md);
the five are of different types; drivers are nbd, 8139cp, and the k-driver of its split twin.
Line to pass: crash elimination with a lower bound of 96.8 %. A reload cannot pass it, because nothing acts after a
crash. The figure shows how far recovery alone is from isolation. `faultkit compare nooks_400 --by policy`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from experiments.literature.loads import SUBJECTS, TWIN, fault, goldens, run_of
from faultkit import Nothing, Trial
from injectors.several import Several

TRIALS = 400
FAULTS = 5
GATE = ("golden clean in 3 trials",)
DRIVERS = {**SUBJECTS, "rtl8139_micro": TWIN}


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial per driver; then pairs that differ in the policy alone."""
    draw = random.Random(seed)
    yield from goldens(draw, DRIVERS)
    for _ in range(TRIALS):
        for subject in DRIVERS.values():
            faults = tuple(fault(kind, draw) for kind in draw.sample(subject.types, FAULTS))
            faulty = replace(run_of(subject, draw), fault=Several(faults))
            yield replace(faulty, policy=Nothing())
            yield faulty
