"""The u-driver stands still for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Driver, Side
from injectors.tools.udriver import needs_udriver
from injectors.udriver.hang import stopped_udriver


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the u-driver by SIGSTOP for `duration_s` of virtual time: slow, but healthy.

    A detector that reports it is wrong; a detector that does not is patient enough.

    Activation: the first request that is issued while it is stopped.
    Data: `pid`, `signal`, `duration_s`.
    Undo: SIGCONT, unless recovery has replaced the process.
    """

    side: ClassVar[Side] = "u-driver"

    duration_s: float = 0.5

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with stopped_udriver(bench, duration_s=self.duration_s) as undo:
            bench.after(self.duration_s, undo.close)
            yield
