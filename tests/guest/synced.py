"""A workload of writes that are flushed. A module of its own, as a user's would be: it travels as a file."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from drivers.nbd.driver import PAGE, direct, write
from faultkit.model.parts import Bench, Check


@dataclass(frozen=True, slots=True)
class Synced:
    """Pages written one after another, a flush behind each; what fails is not tried again."""

    pages: int = 12
    deadline_s: float = 12.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        with direct(os.O_RDWR) as (fd, page):
            for n in range(self.pages):
                with suppress(OSError), bench.request("write", block=n):
                    write(fd, page, n * PAGE, bytes([n]) * PAGE)
                with suppress(OSError), bench.request("flush", block=n):
                    os.fsync(fd)
        return lambda: bench.report("workload", "check.passed", blocks=self.pages)
