"""What comes of a mistake in a driver's source, as programmers make them, by G-SWFIT's operators?

Mutants are drawn uniformly from all mutations of the k-drivers' sources. Each compiles, to another driver: that was
seen by `faultkit.mutation.survey`, which takes too long to be done for each list.

Expected: a mistake survives every reload, so that what recovers from a flipped bit does not recover from it: RECOVERED
is rare, and LOST and HUNG take its place. Most are in code that runs once, when a driver comes or goes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from drivers.edu import Edu, EduIO
from drivers.rtl8139 import Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import AtOnce, Escalate, Trial
from faultkit.kit import Driver, Mutation
from faultkit.machine import kbuild
from faultkit.mutation.enumerate import mutations
from injectors.kdriver.mutant import Mutant, kdriver
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.resources import Resources

MONITORS = (Process(), Modules(), Kernel(), Resources())
DRIVERS: tuple[tuple[Trial, tuple[str, ...]], ...] = (
    (Trial(driver=Edu(), workload=EduIO(), policy=Escalate(), monitors=MONITORS, seed=0), ("edu_k.c",)),
    (
        Trial(driver=Rtl8139Micro(), workload=Transfers(), policy=Escalate(), monitors=MONITORS, seed=0),
        ("rtl_k.c", "rtl_data.c"),
    ),
)  # what is run without a fault, and the files of its k-driver
GOLDEN, DRAWN = 3, 60  # of each driver


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then a trial for each mutant that was drawn."""
    draw = random.Random(seed)
    for golden, _ in DRIVERS:
        for _ in range(GOLDEN):
            yield replace(golden, seed=draw.getrandbits(32))
    for golden, files in DRIVERS:
        for mutation in drawn(golden.driver, files, draw):
            fault = Mutant(golden.driver, mutation)
            yield replace(golden, fault=fault, trigger=AtOnce(), seed=draw.getrandbits(32))


def drawn(driver: Driver, files: Sequence[str], draw: random.Random) -> list[Mutation]:
    """Some of all mutations of a k-driver."""
    sources = kbuild.files(kdriver(driver)[1])
    return draw.sample([mutation for file in files for mutation in mutations(file, sources[file])], DRAWN)
