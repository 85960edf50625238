"""The u-driver is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIGKILL
from typing import ClassVar

from faultkit.kit import Bench, Driver, Side
from injectors.tools.udriver import end_by, needs_udriver


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the u-driver by SIGKILL, with its requests in flight.

    Activation: the u-driver's death, seen through a pidfd; stamped with the time of the signal.
    Data: `pid`, `signal`.
    Undo: none.
    """

    side: ClassVar[Side] = "u-driver"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        end_by(SIGKILL, bench)
        yield
