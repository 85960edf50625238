"""Every call of edu, before and after its u-driver is replaced."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drivers.edu.driver import factorial, opened
from drivers.edu.workload import LARGEST, SLOT_BYTES, verify
from faultkit.kit import Bench, Kind
from microdriver.every_call import EveryCall, Step, restart, restart_udriver


def ask_factorial(bench: Bench) -> None:
    """Ask for a factorial, which the u-driver works out."""
    with opened() as fd:
        found = factorial(fd, LARGEST)
    if found != math.factorial(LARGEST):
        bench.report("workload", Kind.READ_MISMATCHED, op="factorial", argument=LARGEST, found=found)


def transfer(bench: Bench) -> None:
    """Move bytes to the device and back, which is the k-driver's work."""
    data = random.Random(bench.seed).randbytes(SLOT_BYTES)
    with opened() as fd:
        os.pwrite(fd, data, 0)
        verify(bench, 0, data, os.pread(fd, SLOT_BYTES, 0))


def report(bench: Bench) -> None:
    """Probe both halves: a transfer, and the u-driver's report."""
    bench.driver.probe()


@dataclass(frozen=True, slots=True)
class EduEveryCall(EveryCall):
    """Take edu down and bring it up, use it, replace its u-driver, and use it again; begins with the step `since`."""

    STEPS: ClassVar[Sequence[tuple[str, Step]]] = (
        ("reload", restart),
        ("transfer", transfer),
        ("factorial", ask_factorial),
        ("report", report),
        ("rejoin", restart_udriver),
        ("factorial", ask_factorial),
        ("transfer", transfer),
        ("report", report),
    )
