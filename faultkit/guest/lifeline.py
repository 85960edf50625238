"""The end of a u-driver's process, by its pidfd."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from faultkit.guest.bench import GuestBench
from faultkit.model.events import Kind
from faultkit.model.parts import Split


@dataclass(slots=True)
class Lifeline:
    """Reports the end of the u-driver that is there when it begins to watch, and tells of it in the bench's loop."""

    bench: GuestBench
    ended: Callable[[], None]
    _pidfd: int | None = None

    def watch(self) -> None:
        """Begin with the present u-driver; a driver without one never tells."""
        self.unwatch()
        driver = self.bench.driver
        if not isinstance(driver, Split):
            return
        try:
            self._pidfd = os.pidfd_open(driver.udriver_pid())
        except OSError:
            self.bench.report("recovery", Kind.UDRIVER_DIED, how="before it could be watched")
            self.ended()
        else:
            self.bench.watch(self._pidfd, self._tell)

    def unwatch(self) -> None:
        """Tell nothing any more."""
        if self._pidfd is not None:
            self.bench.unwatch(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _tell(self) -> None:
        self.unwatch()
        self.bench.report("recovery", Kind.UDRIVER_DIED)
        self.ended()
