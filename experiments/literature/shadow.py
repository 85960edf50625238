"""How many failures of a driver does recovery hide, how many does it mend visibly, and how many not at all?

Expected: failures that are detected before the kernel dies are mostly hidden. Most are crashes, which nobody can hide.
After: M. Swift, M. Annamalai, B. Bershad, H. Levy, "Recovering device drivers", OSDI 2004: faults of the Nooks
injector, one driver at a time, until it fails; outcomes "automatic", "manual" and "failed".
The same: the injector's types, and the three outcomes: RECOVERED is automatic, DISRUPTED is a recovery that the
application noticed, LOST, HUNG, CRASHED and CORRUPT are failed. Detection is printed apart.
Different: shadow drivers restore the driver's state, unseen by the application, in a kernel that Nooks isolates. Here
the driver is reloaded with its settings restored, and the kernel is not isolated.
Line to pass: 98 % of the detected failures.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from experiments.literature.loads import SUBJECTS, fault, goldens, run_of
from faultkit import Trial

TRIALS = 400
GATE = ("golden clean in 2 trials",)


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial per driver; then one fault at a time, its type drawn first."""
    draw = random.Random(seed)
    yield from goldens(draw)
    for _ in range(TRIALS):
        for subject in SUBJECTS.values():
            run = run_of(subject, draw)
            yield replace(run, fault=fault(draw.choice(subject.types), draw))
