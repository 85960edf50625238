"""The u-driver gets too little of the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side
from injectors.tools.cgroup import limited
from injectors.tools.udriver import needs_udriver, pid_of


@dataclass(frozen=True, slots=True)
class Slow:
    """Limit the u-driver to a `share` of the processor's time, in slices every `period_ms` (cgroup v2, cpu.max).

    A slice is at least 1 ms.

    Activation: the kernel makes it wait for its next slice; read once a period, so the stamp is up to a period
    late.
    Data: `pid`, `cpu_max` (as the kernel has it).
    Undo: the limit is lifted; a u-driver that recovery starts has none.
    """

    side: ClassVar[Side] = "u-driver"

    share: float = 0.01
    period_ms: int = 100

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_share(self.share)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        check_share(self.share)
        pid = pid_of(bench)
        period_us = 1000 * self.period_ms
        with limited(pid, "cpu", "cpu.max", f"{round(self.share * period_us)} {period_us}") as group:
            bench.report("injector", Kind.FAULT_INJECTED, pid=pid, cpu_max=(group / "cpu.max").read_text().strip())
            watch = Throttling(bench, group / "cpu.stat", self.period_ms / 1000)
            watch.look()
            try:
                yield
            finally:
                watch.last_look()


def check_share(share: float) -> None:
    """Refuse a share that is none. Raises: NotPlaced."""
    if not 0 < share < 1:
        raise NotPlaced(f"a share of the processor lies between 0 and 1: {share}")


@dataclass(slots=True)
class Throttling:
    """Looks for a group's first wait, period after period."""

    bench: Bench
    stat: Path
    period_s: float
    over: bool = False

    def look(self) -> None:
        """Report the group's first wait; without one, look again after a period."""
        if not self.over and not self.report():
            self.bench.after(self.period_s, self.look)

    def last_look(self) -> None:
        """The limit is about to go."""
        if not self.over:
            self.report()
            self.over = True

    def report(self) -> bool:
        """Report a wait for the next slice; True once there was one."""
        fields = dict(line.split() for line in self.stat.read_text().splitlines())
        if int(fields["nr_throttled"]):
            self.bench.report("injector", Kind.FAULT_ACTIVATED)
            self.over = True
        return self.over
