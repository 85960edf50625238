"""A dashboard that follows running campaigns: it reads their stores, and never holds them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faultkit.report import write_dashboard
from faultkit.results.summary import replay_totals
from faultkit.store.store import Store


@dataclass(frozen=True, slots=True)
class Progress:
    """The number of trials that have ended, of those planned."""

    done: int
    planned: int
    again: int  # runs of stored trials
    ended: bool  # its run has ended: with the list, interrupted, or decided early

    def __str__(self) -> str:
        return f"{self.done} of {self.planned} trials"


def follow(results: Sequence[Path], out: Path, every_s: float, on_write: Callable[[Sequence[Progress]], None]) -> None:
    """Write the dashboard of `results` again every `every_s` seconds, if trials have ended, until all campaigns have.

    A campaign has ended if two looks find it so: after its list, some trials may be run again. `on_write` is called
    each time that the file was written. A campaign that was killed never ends: interrupt this.
    Raises: UsageError, HarnessError as `write` does; KeyboardInterrupt.
    """
    before: list[Progress] = []
    while True:
        now = [progress(path) for path in results]
        over = now == before and all(each.ended for each in now)
        if over or now != before:
            write_dashboard(results, out, None if over else every_s)
            on_write(now)
        if over:
            return
        before = now
        time.sleep(every_s)


def progress(path: Path) -> Progress:
    """The progress of one campaign. Raises: UsageError if there is none."""
    with Store.open(path) as store, store.snapshot():
        done, meta = len(store.done()), store.meta()
        planned = done if meta.planned is None else meta.planned
        return Progress(done, planned, replay_totals(store)["runs"], meta.finished is not None)
