"""How much does a driver cost that a tool cut?

Expected: nothing in the data path, which stays in the kernel: the throughput of the whole driver (within 1 %) and as
many instructions (within 3 %). Coming up takes at most 1.3 times as long. If whole objects cross in place of fields,
many more bytes do.
After: V. Ganapathy et al., "The design and implementation of microdrivers", ASPLOS 2008: 8139too, cut, took 1.02 s for
its initialisation in place of 0.02 s; throughput and processor time were as those of the whole driver.
Different: other drivers, virtual time (see `performance`), and the peer's work is counted.

The tables: `python -m experiments.microdriver.tables RESULT`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.rtl8139 import Rtl8139
from drivers.sliced import E1000, E1000Sliced, Rtl8139Sliced
from experiments.microdriver.initialisation import BRING_UP
from experiments.microdriver.performance import BULK, REPETITIONS
from faultkit import Trial

GATE = ("golden clean in 41 trials",)
WHOLE = (Rtl8139Sliced(marshal="whole"), E1000Sliced(marshal="whole"))


def trials(seed: int) -> Iterator[Trial]:
    """Trials of whole and cut drivers in turn, each pair with the same seed."""
    draw = random.Random(seed)
    for _ in range(REPETITIONS):
        same = draw.getrandbits(32)
        for driver in (Rtl8139(), Rtl8139Sliced(), E1000(), E1000Sliced()):
            yield replace(BULK, driver=driver, seed=same)
            yield replace(BRING_UP, driver=driver, seed=same)
        for driver in WHOLE:
            yield replace(BRING_UP, driver=driver, seed=same)
