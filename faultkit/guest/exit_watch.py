"""The exit of a u-driver's process, seen by its pidfd."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from faultkit.guest.bench import GuestBench
from faultkit.model.events import Kind
from faultkit.model.parts import Split


@dataclass(slots=True)
class ExitWatch:
    """Reports the exit of the u-driver that is there when the watch begins, and calls `on_exit` in the bench's loop."""

    bench: GuestBench
    on_exit: Callable[[], None]
    _pidfd: int | None = None

    def begin(self) -> None:
        """Watch the present u-driver from now on; nothing happens for a driver without one."""
        self.end()
        driver = self.bench.driver
        if not isinstance(driver, Split):
            return
        try:
            self._pidfd = os.pidfd_open(driver.udriver_pid())
        except OSError:
            self.bench.report("recovery", Kind.UDRIVER_DIED, how="before it could be watched")
            self.on_exit()
        else:
            self.bench.watch(self._pidfd, self._exited)

    def end(self) -> None:
        """Watch no more."""
        if self._pidfd is not None:
            self.bench.unwatch(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _exited(self) -> None:
        self.end()
        self.bench.report("recovery", Kind.UDRIVER_DIED)
        self.on_exit()
