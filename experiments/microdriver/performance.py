"""How much does it cost to split a driver?

Expected: nothing in the data path, which stays in the kernel: the same throughput as the native driver's (within 1 %)
and as many instructions (within 3 %). An upcall costs about as much as a round
trip through two pipes.
After: V. Ganapathy et al., "The design and implementation of microdrivers", ASPLOS 2008.
Different: time is virtual and counts instructions, so that a repetition differs from another only by how it meets the
timers, and all of the guest is counted, the peer's work with it.

The tables: `python -m experiments.microdriver.tables RESULT`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.null_micro import CrossingCost, NullMicro
from drivers.rtl8139 import Bulk, Rtl8139
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import Detectors, Nothing, Trial

REPETITIONS = 20
GATE = ("golden clean in 41 trials",)
NOBODY_LOOKS = Detectors(beat_s=1000.0)  # a heartbeat would cost the split driver an upcall, and the native one none
BULK = Trial(driver=Rtl8139(), workload=Bulk(), policy=Nothing(), detectors=NOBODY_LOOKS, seed=0)
CROSSINGS = replace(BULK, driver=NullMicro(), workload=CrossingCost())


def trials(seed: int) -> Iterator[Trial]:
    """Trials of the native and the split driver in turn, each pair with the same seed."""
    draw = random.Random(seed)
    for _ in range(REPETITIONS):
        same = draw.getrandbits(32)
        for driver in (Rtl8139(), Rtl8139Micro()):
            yield replace(BULK, driver=driver, seed=same)
    yield replace(CROSSINGS, seed=draw.getrandbits(32))
