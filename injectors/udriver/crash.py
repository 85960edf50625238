"""The u-driver crashes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Side
from injectors.tools.udriver import end_by, signal_of


@dataclass(frozen=True, slots=True)
class Crash:
    """The u-driver ends by a signal that bugs raise: "SIGSEGV" (wild pointer) or "SIGABRT" (failed assertion).

    Activation: its death, seen through a pidfd; a u-driver that handles the signal and lives on is not activated.
    """

    side: ClassVar[Side] = "u-driver"

    signal: str = "SIGSEGV"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        end_by(signal_of(self.signal), bench)
        yield
