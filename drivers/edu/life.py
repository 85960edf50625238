"""The life of edu as a workload: each of its calls, before and after a new u-driver has come."""

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
from microdriver.life import Life, Step, rejoin, reload


def ask_factorial(bench: Bench) -> None:
    """Ask for a factorial, the u-driver's service."""
    with opened() as fd:
        found = factorial(fd, LARGEST)
    if found != math.factorial(LARGEST):
        bench.report("workload", Kind.READ_MISMATCHED, op="factorial", argument=LARGEST, found=found)


def transfer(bench: Bench) -> None:
    """Move bytes to the device and back, the k-driver's service."""
    data = random.Random(bench.seed).randbytes(SLOT_BYTES)
    with opened() as fd:
        os.pwrite(fd, data, 0)
        verify(bench, 0, data, os.pread(fd, SLOT_BYTES, 0))


def report(bench: Bench) -> None:
    """Read the u-driver's report, and bytes from the k-driver."""
    bench.driver.probe()


@dataclass(frozen=True, slots=True)
class EduLife(Life):
    """edu is unloaded and comes up again, serves, gets a new u-driver, and serves again: all that, `since` a step."""

    STEPS: ClassVar[Sequence[tuple[str, Step]]] = (
        ("reload", reload),
        ("transfer", transfer),
        ("factorial", ask_factorial),
        ("report", report),
        ("rejoin", rejoin),
        ("factorial", ask_factorial),
        ("transfer", transfer),
        ("report", report),
    )
