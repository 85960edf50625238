"""Does any detector raise an alarm in a healthy trial?

Expected: no.

1 000 fault-free trials, each with another workload, under full recovery and all detectors. Published evaluations do not
report this figure, without which a detection rate says little.
Line to pass: no detection, no restart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from experiments.literature.loads import SUBJECTS, goldens
from faultkit import Trial

TRIALS = 1000
GATE = ("golden clean",)


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials of the drivers in turn."""
    draw = random.Random(seed)
    for _ in range(TRIALS // len(SUBJECTS)):
        yield from goldens(draw)
