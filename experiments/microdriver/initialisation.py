"""How much longer does a driver need to come up if it is split?

Expected: a process' start and about two dozen crossings more: some milliseconds, where the ACPI code that enables the
device takes hundreds.
After: V. Ganapathy et al., "The design and implementation of microdrivers", ASPLOS 2008: splitting 8139too made its
initialisation 1.02 s long instead of 0.02 s.
Different: the chip is driven in its C+ mode; objects cross by field, or as a whole for comparison; time is virtual.

Time counts from the k-driver's loading (the runtime is there already) to a carrier on an interface that is up; renaming
the interface is part of it. The table: `python -m experiments.microdriver.tables RESULT`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.rtl8139 import BringUp, Rtl8139
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import Detectors, Nothing, Trial
from monitors.modules import Modules

REPETITIONS = 20
DRIVERS = (Rtl8139(), Rtl8139Micro(), Rtl8139Micro(whole=True))
GATE = ("golden clean",)
BRING_UP = Trial(
    driver=Rtl8139(),
    workload=BringUp(),
    policy=Nothing(),
    monitors=(Modules(),),
    detectors=Detectors(beat_s=1000.0),
    seed=0,
)


def trials(seed: int) -> Iterator[Trial]:
    """Trials of the native and the split driver in turn."""
    draw = random.Random(seed)
    for _ in range(REPETITIONS):
        same = draw.getrandbits(32)
        for driver in DRIVERS:
            yield replace(BRING_UP, driver=driver, seed=same)
