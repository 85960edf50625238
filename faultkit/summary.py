"""What a campaign came to, in counts: by SQL alone, so that it is cheap while the campaign still runs.

A trial that failed (LOST or worse) counts as activated even if its activation went unseen, so that no
failure can leave the denominator. Golden trials are planned, but never injected, activated or manifested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import Any, Self

from rich.box import Box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from faultkit.errors import UsageError
from faultkit.model import Outcome
from faultkit.stats import Rate, rate
from faultkit.store import Store

GOLDEN = "golden"  # the injector of a trial without a fault
COLUMNS = ("driver", "injector", "policy", "workload", "trigger", "target", "detected_by")
SURVIVED = (Outcome.MASKED, Outcome.RECOVERED)

ACCOUNTING = """
SELECT COUNT(*),
       COUNT(*) FILTER (WHERE injector <> 'golden' AND (injected OR outcome <> 'INACTIVE')),
       COUNT(*) FILTER (WHERE injector <> 'golden' AND outcome <> 'INACTIVE'),
       COUNT(*) FILTER (WHERE injector <> 'golden' AND manifested),
       COUNT(void)
FROM trials
"""
FALSE_POSITIVES = """
SELECT COUNT(*) FROM trials
WHERE injector = 'golden' AND (manifested OR recoveries > 0 OR detected_by IS NOT NULL)
"""


def accounting(store: Store) -> dict[str, int]:
    """How many trials were planned, and how many of them injected, activated, manifested; void ones apart."""
    stored, injected, activated, manifested, void = next(store.query(ACCOUNTING))
    planned = int(store.meta().get("planned", stored))
    return {
        "planned": planned,
        "injected": injected,
        "activated": activated,
        "manifested": manifested,
        "void": void,
    }


def outcomes(store: Store) -> dict[str, int]:
    """Every outcome, mildest first -> valid trials with a fault that ended in it."""
    rows = store.query("SELECT outcome, COUNT(*) FROM trials WHERE injector <> 'golden' GROUP BY outcome")
    return complete(dict(rows))


def by(store: Store, column: str = "injector") -> dict[str, dict[str, int]]:
    """Value of `column` -> every outcome -> valid trials. By injector, golden trials appear as "golden".

    Raises: UsageError if trials cannot be grouped by `column`.
    """
    if column not in COLUMNS:
        raise UsageError(f"trials cannot be grouped by {column!r}: there are {', '.join(COLUMNS)}")
    faulty = "" if column == "injector" else "AND injector <> 'golden'"
    rows = store.query(
        f"SELECT COALESCE({column}, ''), outcome, COUNT(*) FROM trials "  # noqa: S608
        f"WHERE outcome IS NOT NULL {faulty} GROUP BY 1, 2 ORDER BY 1"
    )
    found: dict[str, dict[str, int]] = {}
    for value, outcome, count in rows:
        found.setdefault(value, {})[outcome] = count
    return {value: complete(counts) for value, counts in found.items()}


def complete(counts: Mapping[str, int]) -> dict[str, int]:
    """The same counts with all outcomes, mildest first."""
    return {outcome.name: counts.get(outcome.name, 0) for outcome in Outcome}


def false_positives(store: Store) -> int:
    """Golden trials with a detection, a recovery or an outcome worse than MASKED."""
    (count,) = next(store.query(FALSE_POSITIVES))
    return int(count)


def survival(counts: Mapping[str, int]) -> Rate:
    """MASKED or RECOVERED, of all activated."""
    activated = sum(counts.values()) - counts.get(Outcome.INACTIVE.name, 0)
    return rate(sum(counts.get(outcome.name, 0) for outcome in SURVIVED), activated)


def as_json(store: Store) -> dict[str, Any]:
    """The campaign's counts for scripts; keys stay as they are from version to version."""
    meta = store.meta()
    return {
        "experiment": meta.get("experiment"),
        "seed": meta.get("seed"),
        "accounting": accounting(store),
        "outcomes": outcomes(store),
        "by": by(store, "injector"),
    }


def accounting_line(counts: Mapping[str, int]) -> str:
    """`planned 300 · injected 290 · activated 201 · manifested 120 · void 0`."""
    return " · ".join(f"{name} {count}" for name, count in counts.items())


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the outcome table: a label and its counts. A heading has none, a golden row no rate."""

    label: str
    counts: Mapping[str, int] | None = None
    rated: bool = True

    def count(self, outcome: str) -> str:
        """How many ended in `outcome`; a dot for none."""
        return "" if self.counts is None else str(self.counts.get(outcome) or "·")

    @property
    def trials(self) -> str:
        """How many valid trials there are."""
        return "" if self.counts is None else str(sum(self.counts.values()))

    @property
    def activated(self) -> str:
        """How many of them were activated."""
        return str(survival(self.counts).n) if self.counts is not None and self.rated else ""

    @property
    def rate(self) -> str:
        """The share of them that survived."""
        return str(survival(self.counts)) if self.counts is not None and self.rated else ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the outcome table: what stands above it, and its text for a line."""

    header: str
    text: Callable[[Line], str]
    style: str = ""
    justify: JustifyMethod = "right"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the outcome table saves width."""

    tight: bool  # long words in two lines, one space between columns
    apart: bool  # rates in a table of their own, below


LAYOUTS = (Layout(False, False), Layout(True, False), Layout(False, True), Layout(True, True))
HYPHENS = {
    "INACTIVE": "INAC-\nTIVE",
    "RECOVERED": "RECOV-\nERED",
    "DISRUPTED": "DIS-\nRUPTED",
    "CRASHED": "CRA-\nSHED",
    "CORRUPT": "COR-\nRUPT",
    "activated": "acti-\nvated",
}
STYLES = {
    "INACTIVE": "dim",
    "MASKED": "green",
    "RECOVERED": "green",
    "DISRUPTED": "yellow",
    "LOST": "bright_yellow",
    "HUNG": "red",
    "CRASHED": "bold red",
    "CORRUPT": "bold magenta",
}
RATE = "MASKED or RECOVERED\nof activated, 95 %"
RULED = Box("    \n    \n ── \n    \n    \n ── \n    \n    \n")  # rules under the header and between sections


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Outcomes by injector (and policy, where there are several), for a terminal. Print it with rich."""

    lines: tuple[Line, ...]
    total: tuple[Line, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, store: Store) -> Self:
        """The table of what is in the store by now."""
        injectors = by(store, "injector")
        golden = injectors.pop(GOLDEN, None)
        total = [Line("TOTAL", outcomes(store)), *([Line(GOLDEN, golden, rated=False)] if golden else [])]
        return cls(tuple(lines(store, injectors)), tuple(total), tuple(notes(store, golden)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unlimited = options.update(width=1000)
        for layout in LAYOUTS:
            tables = self.tables(layout)
            if all(Measurement.get(console, unlimited, t).maximum <= options.max_width for t in tables):
                break
        for table in tables:
            yield table
            yield Text()
        for note in self.notes:
            yield Text(note)

    def tables(self, layout: Layout) -> list[Table]:
        """The counts with the rates beside them, or below."""
        label, rates = Column("injector", attrgetter("label"), justify="left"), Column(RATE, attrgetter("rate"))
        counts, gap = [label, *self.count_columns(layout.tight)], 0 if layout.tight else 1
        if layout.apart:
            return [self.grid(counts, gap, self.total), self.grid([label, rates], gap, self.total[:1])]
        return [self.grid([*counts, rates], gap, self.total)]

    def count_columns(self, tight: bool) -> Iterator[Column]:
        """Trials, activated, and each outcome that occurs."""
        yield Column("trials", attrgetter("trials"))
        yield Column(HYPHENS["activated"] if tight else "activated", attrgetter("activated"))
        for outcome in Outcome:
            name = outcome.name
            if any((line.counts or {}).get(name) for line in (*self.lines, *self.total)):
                yield Column(HYPHENS.get(name, name) if tight else name, methodcaller("count", name), STYLES[name])

    def grid(self, columns: Sequence[Column], gap: int, total: Sequence[Line]) -> Table:
        """A table of some columns: injectors, then the totals."""
        table = Table(box=RULED, padding=(0, gap, 0, 0), show_edge=False, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.header, justify=column.justify, style=column.style, no_wrap=True, vertical="bottom")
        for line in self.lines:
            table.add_row(*(column.text(line) for column in columns))
        table.add_section()
        for line in total:
            table.add_row(*(column.text(line) for column in columns), style="bold" if line.rated else "dim")
        return table


def lines(store: Store, injectors: Iterable[str]) -> Iterator[Line]:
    """A row per injector, or per injector and policy if there is more than one policy."""
    pairs = store.query(
        "SELECT injector, policy, outcome, COUNT(*) FROM trials "
        "WHERE outcome IS NOT NULL AND injector <> 'golden' GROUP BY 1, 2, 3"
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for injector, policy, outcome, count in pairs:
        found.setdefault((injector, policy), {})[outcome] = count
    split = len({policy for _, policy in found}) > 1
    for injector in injectors:
        if split:
            yield Line(injector)
        for (of, policy), counts in found.items():
            if of == injector:
                yield Line(f"  {policy}" if split else injector, complete(counts))


def notes(store: Store, golden: Mapping[str, int] | None) -> Iterator[str]:
    """The lines under the table."""
    counts = accounting(store)
    yield accounting_line(counts)
    if (wrong := false_positives(store)) and golden:
        yield f"{wrong} of {sum(golden.values())} golden trials were not clean: a false alarm, or a fault of the set-up"
    if (so_far := len(store.done())) < counts["planned"]:
        yield f"{so_far} of {counts['planned']} planned trials have ended so far"
