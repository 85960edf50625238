"""When a fault is put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faultkit.protocols import Bench


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Before the workload's first request."""

    def arm(self, bench: Bench, fire: Callable[[], None]) -> None:
        fire()


@dataclass(frozen=True, slots=True)
class AtRequest:
    """Just before the n-th request of the workload is issued, counted from 1."""

    nth: int

    def arm(self, bench: Bench, fire: Callable[[], None]) -> None:
        bench.at_request(self.nth, fire)


@dataclass(frozen=True, slots=True)
class After:
    """When some virtual time has passed since the trial began."""

    delay_s: float

    def arm(self, bench: Bench, fire: Callable[[], None]) -> None:
        bench.after(self.delay_s, fire)
