"""From how many of the manifested faults in a driver's code does the system recover?

Expected: from fewer than Theseus, which isolates drivers. A skipped instruction does the least harm.
After: K. Boos, N. Liyanage, R. Ijaz, L. Zhong, "Theseus: an experiment in operating system structure and state
management", OSDI 2020: 617 manifested faults, of them 346 corrupted words, 197 skipped instructions, 74 flipped bits;
recovered from 69.4 % (74, 74 and 36.5 %).
The same: the three fault models. Different: faults go into a driver's code only, not the whole system; a fixed number
is put in, and those that manifest are counted; drivers are nbd (u-driver restarted, k-driver reloaded) and 8139cp
(reloaded).
Line to pass: more than 69.4 % of the manifested, more than 36.5 % of the flipped bits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from experiments.literature.loads import SUBJECTS, fault, goldens, run_of
from faultkit import Trial

MODELS = {"word": 160, "skip": 240, "bit_flip": 160}  # per driver
GATE = ("golden clean in 2 trials",)


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial per driver; then the models in turn."""
    draw = random.Random(seed)
    yield from goldens(draw)
    for n in range(max(MODELS.values())):
        for model, count in MODELS.items():
            for subject in SUBJECTS.values() if n < count else ():
                run = run_of(subject, draw)
                yield replace(run, fault=fault(model, draw))
