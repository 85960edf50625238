"""A dashboard that follows running campaigns: it reads their stores, and never holds them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faultkit.report import write
from faultkit.store import Store


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign has come."""

    done: int
    planned: int
    ended: bool  # all trials are stored, or its run has ended without: interrupted, or decided early

    def __str__(self) -> str:
        return f"{self.done} of {self.planned} trials"


def follow(results: Sequence[Path], out: Path, every_s: float, told: Callable[[Sequence[Progress]], None]) -> None:
    """Write the dashboard of `results` again every `every_s` seconds, if trials have ended, until all campaigns have.

    `told` hears of each time that it is written. A campaign that was killed never ends: interrupt this.
    Raises: UsageError, HarnessError as `write` does; KeyboardInterrupt.
    """
    before: list[Progress] = []
    while True:
        now = [progress(path) for path in results]
        ended = all(each.ended for each in now)
        if now != before:
            write(results, out, None if ended else every_s)
            told(now)
        if ended:
            return
        before = now
        time.sleep(every_s)


def progress(path: Path) -> Progress:
    """How far one campaign has come. Raises: UsageError if there is none."""
    with Store.open(path) as store:
        done, meta = len(store.done()), store.meta()
    planned = int(meta.get("planned", done))
    return Progress(done, planned, done >= planned or meta.get("finished") is not None)
