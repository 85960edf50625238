"""How closely must a u-driver be watched to detect a failure in time, and when do false alarms begin?

Expected: the pidfd reports its death at once, at any timing of the heartbeat. The heartbeat reports a hang within its
deadline and two periods. A pause of a healthy u-driver that is longer than the deadline is a false alarm, if a beat
falls into it. Golden trials raise none.

`python -m experiments.detector_table RESULT` prints the table. Nobody acts, so every detector can report.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtRequest, Detectors, Nothing, Trial
from faultkit.kit import Fault
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.pause import Pause
from monitors.kernel import Kernel
from monitors.requests import Requests

PERIODS_S = (0.02, 0.1, 0.5)
DEADLINES_S = (0.05, 0.2, 1.0)
GOLDEN_ROUNDS, ROUNDS = 4, 3
PAUSES_S = (0.1, 0.4)
GOLDEN = Trial(
    driver=Nbd(),
    workload=VerifiedIO(requests=400),
    policy=Nothing(),
    monitors=(Requests(), Kernel()),
    seed=0,
)


def faults() -> Iterator[Fault]:
    """Faults that detectors should report, and pauses that they should not."""
    yield from (Kill(), Hang())
    yield from (Pause(duration_s) for duration_s in PAUSES_S)


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials at every timing, then every fault at every timing."""
    draw = random.Random(seed)
    timings = [Detectors(period_s, deadline_s) for period_s, deadline_s in product(PERIODS_S, DEADLINES_S)]
    for _, detectors in product(range(GOLDEN_ROUNDS), timings):
        yield replace(GOLDEN, detectors=detectors, seed=draw.getrandbits(32))
    for _, fault, detectors in product(range(ROUNDS), faults(), timings):
        trial = replace(GOLDEN, detectors=detectors, seed=draw.getrandbits(32))
        yield replace(trial, fault=fault, trigger=AtRequest(draw.randint(20, 200)))
