"""The u-driver crashes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Driver, Side
from injectors.tools.udriver import end_by, needs_udriver, signal_of


@dataclass(frozen=True, slots=True)
class Crash:
    """End the u-driver by a signal that bugs raise: "SIGSEGV" (wild pointer) or "SIGABRT" (failed assertion).

    A u-driver that handles the signal and lives on is not activated.

    Activation: the u-driver's death, seen through a pidfd; stamped with the time of the signal.
    Data: `pid`, `signal`.
    Undo: none.
    """

    side: ClassVar[Side] = "u-driver"

    signal: str = "SIGSEGV"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        end_by(signal_of(self.signal), bench)
        yield
