"""Display of a running campaign: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from rich import progress
from rich.console import Console

from faultkit.model.events import Outcome
from faultkit.store.store import Row
from faultkit.verdict.judge import Verdict

EVERY_S = 20.0


@dataclass(slots=True)
class Bar:
    """A `ProgressListener` of a running campaign. Use `with`; the counts stay on the screen."""

    console: Console
    counts: Counter[str] = field(default_factory=Counter)
    begun: float = 0.0
    fresh: int = 0
    planned: int = 0
    done: int = 0
    _told: float = 0.0
    _progress: progress.Progress | None = None
    _task: progress.TaskID | None = None

    def __enter__(self) -> Bar:
        if self.console.is_terminal:
            self._progress = progress.Progress(
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}"),
                progress.BarColumn(bar_width=24),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[rate]}"),
                progress.TimeRemainingColumn(),
                progress.TextColumn("{task.fields[outcomes]}"),
                console=self.console,
            )
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def preparing(self, driver: str) -> None:
        """Show that a template is being prepared."""
        text = f"preparing {driver}"
        if self._progress is None:
            self.console.print(text, highlight=False)
        elif self._task is None:
            self._task = self._progress.add_task(text, total=None, rate="", outcomes="")
        else:
            self._progress.update(self._task, description=text)

    def started(self, planned: int, done: int) -> None:
        """Show that trials begin."""
        self.begun = self._told = time.monotonic()
        self.planned, self.done = planned, done
        if self._progress and self._task is not None:
            self._progress.update(self._task, description="trials", total=planned, completed=done)
            self._progress.reset(self._task, description="trials", total=planned, completed=done, rate="", outcomes="")
        else:
            stored = f", {done} of them stored already" if done else ""
            self.console.print(f"{planned} trials{stored}", highlight=False)

    def stored(self, row: Row, verdict: Verdict | None) -> None:
        """Count one more trial."""
        self.fresh += 1
        self.counts[verdict.outcome.name if verdict else "unjudged" if row.record else "void"] += 1
        if self._progress and self._task is not None:
            self._progress.update(self._task, advance=1, rate=self.rate(), outcomes=self.outcomes())
        elif time.monotonic() - self._told > EVERY_S:
            self._told = time.monotonic()
            line = f"{self.done + self.fresh}/{self.planned} trials, {self.rate()}: {self.outcomes()}"
            self.console.print(line, highlight=False, soft_wrap=True)  # a log has no width

    def rate(self) -> str:
        """Trials a second so far."""
        return f"{self.fresh / max(time.monotonic() - self.begun, 0.1):.1f}/s"

    def outcomes(self) -> str:
        """The counts so far, mildest first."""
        order = [*(outcome.name for outcome in Outcome), "void", "unjudged"]
        return " ".join(f"{name} {self.counts[name]}" for name in order if self.counts[name])
