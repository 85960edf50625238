"""The time line of one trial, for a terminal or for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from faultkit.model.events import Event, Kind
from faultkit.results.words import exact
from faultkit.store import queries
from faultkit.store.store import Store

DETAIL = ("block.", "call.", "net.", Kind.REQUEST_ISSUED, Kind.REQUEST_COMPLETED)  # only on request
STYLES = {
    "fault.": "bold red",
    "error.": "yellow",
    "recovery.": "cyan",
    "service.": "bold green",
    "kernel.": "magenta",
    "guest.": "bold magenta",
    Kind.READ_MISMATCHED: "bold red",
}
CONSOLE_LINES = 30


@dataclass(frozen=True, slots=True)
class Timeline:
    """A trial for a terminal. Print it with rich."""

    title: str
    events: tuple[Event, ...]
    hidden: int
    console: str

    @classmethod
    def of(cls, store: Store, n: int, *, everything: bool = False) -> Self:
        """The story of trial `n`. Raises: UsageError if there is none."""
        events = store.events(n)
        reason = queries.head(store, n).reason
        head = title(store, n) + (f"\ndecided by {reason}" if reason else "")
        return cls.from_events(head, events, store.console(n), everything=everything)

    @classmethod
    def from_events(cls, title: str, events: tuple[Event, ...], console: str, *, everything: bool = False) -> Self:
        """The story of a trial that need not be stored."""
        shown = tuple(e for e in events if everything or not e.kind.startswith(DETAIL))
        return cls(title, shown, len(events) - len(shown), console)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        table = Table(box=None, pad_edge=False)
        for name in ("ms", "source", "event", ""):
            table.add_column(name, justify="right" if name == "ms" else "left", overflow="fold")
        for event in self.events:
            style = next((s for start, s in STYLES.items() if event.kind.startswith(start)), "")
            table.add_row(f"{event.t_ns / 1e6:.3f}", event.source, Text(event.kind, style), Text(details(event)))
        yield Group(Text(self.title, "bold"), Text(), table, *self.notes())

    def notes(self) -> Iterator[Text]:
        """The lines below the table: left-out events, and the console."""
        if self.hidden:
            yield Text(f"\n{self.hidden} calls and requests left out: --all shows them", "dim")
        if lines := self.console.strip().splitlines():
            yield Text("\nconsole", "bold")
            yield Text("\n".join(lines[:CONSOLE_LINES]))
            if len(lines) > CONSOLE_LINES:
                yield Text(f"... and {len(lines) - CONSOLE_LINES} lines", "dim")


def details(event: Event) -> str:
    """An event's data in a line."""
    return " ".join(f"{name}={exact(value)}" for name, value in event.data.items())


def title(store: Store, n: int) -> str:
    """A trial in a line."""
    trial = queries.head(store, n)
    where = f" in {trial.target}" if trial.target else ""
    when = f", {trial.trigger}" if trial.trigger else ""
    return f"trial {n}: {trial.injector}{where}{when} on {trial.driver} under {trial.policy}: {trial.end}"


def trial_json(store: Store, n: int) -> dict[str, Any]:
    """A trial for scripts: its plan, outcome with its reason, and events."""
    trial = queries.head(store, n)
    events = [[e.t_ns, e.source, e.kind, dict(e.data)] for e in store.events(n)]
    return {
        "trial": n, "plan": store.plan(n), "outcome": trial.outcome, "reason": trial.reason, "void": trial.void,
        "events": events,
    }  # fmt: skip
