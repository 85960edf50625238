"""Two stored trials side by side, for a terminal or for scripts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from faultkit.model.events import Event
from faultkit.results.alignment import AlignedEvent, align
from faultkit.store import queries
from faultkit.store.store import Store
from faultkit.tables.timeline import DETAIL, details, title

CONTEXT = 2  # so many alike are shown on either side of what differs
ONLY_FIRST, ONLY_SECOND, BOTH = "-", "+", " "
STYLES = {ONLY_FIRST: "red", ONLY_SECOND: "green", BOTH: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDiff:
    """Two trials: their verdicts where they differ, and their time lines as one. Print it with rich."""

    first: str
    second: str
    verdicts: Mapping[str, tuple[Any, Any]]  # only what differs
    steps: tuple[AlignedEvent, ...]
    hidden: int  # calls and requests that are not among the steps

    @classmethod
    def of(
        cls, one: tuple[Store, int], two: tuple[Store, int], *, everything: bool = False, ignored: Collection[str] = ()
    ) -> TrialDiff:
        """Compare two stored trials. Raises: UsageError if there is no such trial."""
        lines = [store.events(n) for store, n in (one, two)]
        shown = [[e for e in line if everything or not e.kind.startswith(DETAIL)] for line in lines]
        before, after = queries.verdict(*one), queries.verdict(*two)
        return cls(
            first=title(*one),
            second=title(*two),
            verdicts={name: (before[name], after[name]) for name in before if before[name] != after[name]},
            steps=tuple(align(shown[0], shown[1], ignored)),
            hidden=sum(map(len, lines)) - sum(map(len, shown)),
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        yield Text(f"- {self.first}", STYLES[ONLY_FIRST])
        yield Text(f"+ {self.second}", STYLES[ONLY_SECOND])
        yield Text()
        if self.verdicts:
            yield verdict_table(self.verdicts)
            yield Text()
        yield step_table(self.steps)
        yield from map(Text, self.notes())

    def notes(self) -> Iterator[str]:
        """The lines under the tables."""
        yield ""
        yield counted(self.steps)
        if self.hidden:
            yield f"{self.hidden} calls and requests left out: --all compares them, too"


def verdict_table(verdicts: Mapping[str, tuple[Any, Any]]) -> Table:
    """Outcome, flags and intervals that differ."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    for name, mark in (("- first", ONLY_FIRST), ("+ second", ONLY_SECOND)):
        table.add_column(name, justify="right", style=STYLES[mark])
    for name, values in verdicts.items():
        unit = ", ms" if name.endswith("_ns") else ""
        table.add_row(f"{name.removesuffix('_ns')}{unit}", *(written(name, value) for value in values))
    return table


def written(name: str, value: Any) -> str:
    """A value of a verdict."""
    if value is None:
        return "none"
    return f"{value / 1e6:.3f}" if name.endswith("_ns") else str(value)


def step_table(steps: Sequence[AlignedEvent]) -> Table:
    """Both time lines: a row per event, but for those that are alike and far from any that is not."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "ms", "later by", "source", "event", ""):
        table.add_column(name, justify="right" if name in {"ms", "later by"} else "left", overflow="fold")
    for near, rows in groupby(zip(nearby(steps), steps, strict=True), key=lambda row: row[0]):
        found = [step for _, step in rows]
        if near:
            for step in found:
                table.add_row(*cells(step), style=STYLES[mark(step)])
        else:
            table.add_row("", "", "", "", f"... {len(found)} alike ...", style="dim")
    return table


def nearby(steps: Sequence[AlignedEvent]) -> list[bool]:
    """True for each step that differs or has a neighbour that differs."""
    differs = [bool(step.later_ns is None or step.later_ns) for step in steps]
    return [any(differs[max(0, n - CONTEXT) : n + CONTEXT + 1]) for n in range(len(steps))]


def cells(step: AlignedEvent) -> tuple[str, ...]:
    """The cells of one row."""
    event, later = step.event, step.later_ns
    shift = f"{later / 1e6:+.3f}" if later else ""
    return mark(step), f"{event.t_ns / 1e6:.3f}", shift, event.source, event.kind, details(event)


def mark(step: AlignedEvent) -> str:
    """The mark of an event: the trials that have it."""
    if step.second is None:
        return ONLY_FIRST
    return ONLY_SECOND if step.first is None else BOTH


def counted(steps: Sequence[AlignedEvent]) -> str:
    """The numbers of events in both, at another time, and in one only, as two lines."""
    marks = [mark(step) for step in steps]
    moved = sum(bool(step.later_ns) for step in steps)
    only = f"{marks.count(ONLY_FIRST)} only in the first, {marks.count(ONLY_SECOND)} only in the second"
    return f"{marks.count(BOTH)} events in both, {moved} of them at another time;\n{only}"


def diff_json(found: TrialDiff) -> dict[str, Any]:
    """A comparison of two trials for scripts. An event is [t_ns, source, kind, data]; in both, [t_ns of each, ...]."""
    both = [(step.first, step.second) for step in found.steps if step.first and step.second]
    return {
        "first": found.first,
        "second": found.second,
        "verdict": {name: list(values) for name, values in found.verdicts.items()},
        "only_first": [plain(s.first) for s in found.steps if s.first and s.second is None],
        "only_second": [plain(s.second) for s in found.steps if s.second and s.first is None],
        "moved": [[a.t_ns, *plain(b)] for a, b in both if a.t_ns != b.t_ns],
        "alike": sum(a.t_ns == b.t_ns for a, b in both),
    }


def plain(event: Event) -> list[Any]:
    """An event as JSON has it."""
    return [event.t_ns, event.source, event.kind, dict(event.data)]
