"""Which outcomes do mistakes in a driver's source have, as programmers make them, by G-SWFIT's operators?

Mutants are drawn uniformly from all mutations of the k-drivers' sources. `python -m experiments.mutation_survey` shows
how many of these compile to another driver; it takes too long to be run for each list.

Expected: a mistake survives every reload, so a reload does not recover from it as from a flipped bit. RECOVERED is
rare, and LOST and HUNG take its place. Most are in code that runs once, when a driver comes or goes.
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
)  # the trial without a fault, and the files of its k-driver
GOLDEN, DRAWN = 3, 60  # of each driver


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials, then a trial for each drawn mutant."""
    draw = random.Random(seed)
    for golden, _ in DRIVERS:
        for _ in range(GOLDEN):
            yield replace(golden, seed=draw.getrandbits(32))
    for golden, files in DRIVERS:
        for mutation in drawn(golden.driver, files, draw):
            fault = Mutant(golden.driver, mutation)
            yield replace(golden, fault=fault, trigger=AtOnce(), seed=draw.getrandbits(32))


def drawn(driver: Driver, files: Sequence[str], draw: random.Random) -> list[Mutation]:
    """A uniform sample of all mutations of a k-driver."""
    sources = kbuild.files(kdriver(driver)[1])
    return draw.sample([mutation for file in files for mutation in mutations(file, sources[file])], DRAWN)
