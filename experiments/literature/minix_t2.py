"""How many faults does a driver survive before its service is lost?

Expected: few, since both drivers' data paths are in the kernel; half of the services are lost with one or two faults.
After: J. Herder, H. Bos, B. Gras, P. Homburg, A. Tanenbaum, "Fault isolation for device drivers", DSN 2009: faults are
put into a running driver one after another, without a reset in between. After 3.4 million of them in four network
drivers, the system had hung once and never crashed.
The same: faults accumulate in one driver. Different: each point of the curve is a trial of its own, with the first
1, 2, 4, .. 64 faults of a sequence, all there before the next request; a reload brings fresh code and so forgets
them; types with few sites are left out; MINIX keeps drivers out of the kernel, and these are in it.
Result: the share of trials whose service survives, by the number of faults.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from experiments.literature.loads import SUBJECTS, fault, goldens, run_of
from faultkit import Trial
from injectors.several import Several

SEQUENCES = 20
LOADS = (1, 2, 4, 8, 16, 32, 64)
TYPES = ("bit_flip", "nop", "source", "destination", "pointer", "deleted_branch", "inverted_branch", "initialisation",
         "interface", "stack", "heap")  # fmt: skip
"""Those of which a driver has sites enough for so many faults apart from one another."""

GATE = ("golden clean in 2 trials",)


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial per driver; then sequences, each at growing length."""
    draw = random.Random(seed)
    yield from goldens(draw)
    for _ in range(SEQUENCES):
        for subject in SUBJECTS.values():
            faults = tuple(fault(draw.choice(TYPES), draw) for _ in range(max(LOADS)))
            run = run_of(subject, draw)
            for load in LOADS:
                yield replace(run, fault=Several(faults[:load]))
