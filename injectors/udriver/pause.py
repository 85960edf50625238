"""The u-driver stands still for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Side
from injectors.udriver.hang import stopped


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP to the u-driver, and SIGCONT `duration_s` of virtual time later: slow, but healthy.

    What detects it is wrong; what waits for it is patient enough.
    Activation: the first request that is issued while it stands still.
    Undo: lets the process run on, unless recovery has replaced it.
    """

    side: ClassVar[Side] = "u-driver"

    duration_s: float = 0.5

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with stopped(bench, duration_s=self.duration_s) as undo:
            bench.after(self.duration_s, undo.close)
            yield
