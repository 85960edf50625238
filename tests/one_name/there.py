"""A workload and a monitor that are called as those of another module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faultkit.model.events import Event
from faultkit.model.parts import Bench, Buffer, Check


@dataclass(frozen=True, slots=True)
class Load:
    """A workload that does nothing."""

    deadline_s: float = 1.0

    def run(self, bench: Bench) -> Check:
        bench.report("workload", "there")
        return lambda: None


@dataclass(slots=True)
class Attached:
    """A watcher that has seen where it was attached."""

    found: bytes

    def reset(self) -> None:
        self.found = b""

    def error(self) -> str | None:
        return None

    def collect(self) -> bytes:
        return self.found

    def lost(self) -> int:
        return 0

    def buffer(self) -> Buffer | None:
        return None


@dataclass(frozen=True, slots=True)
class Look:
    """A monitor with a field."""

    n: int = 0

    def attach(self, driver: Any) -> Attached:
        return Attached(f"there.n{self.n}".encode())

    def decode(self, data: bytes, names: Mapping[int, str]) -> Iterator[Event]:
        yield Event(1, "look", data.decode())
