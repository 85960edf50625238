"""The outcome table, as a terminal shows it: accounting, outcomes and rates, by injector or by something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import Self

from rich.box import Box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from faultkit.model.events import Outcome
from faultkit.results.signatures import signature
from faultkit.results.stopping import decision_line
from faultkit.results.summary import (
    ACCOUNTS,
    GOLDEN,
    accounting,
    accounting_by,
    accounting_line,
    again_line,
    by,
    complete,
    false_positives,
    grouped,
    outcomes,
    replay_totals,
    survival,
    unjudged_line,
)
from faultkit.statistics.sequential import Decision
from faultkit.store import queries
from faultkit.store.claim import is_claimed
from faultkit.store.meta import Meta
from faultkit.store.store import Store
from faultkit.verdict.outcomes import ENTRIES


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: a label, its accounting and its outcomes. A heading has neither, a golden row no rate."""

    label: str
    account: Mapping[str, int] | None = None
    counts: Mapping[str, int] | None = None
    rated: bool = True

    def accounted(self, name: str) -> str:
        """One figure of the accounting; a golden row has been planned, and may be void."""
        shown = self.account is not None and (self.rated or name in {"planned", "void"})
        return str(self.account[name] or "·") if self.account is not None and shown else ""

    def count(self, outcome: str) -> str:
        """The number of trials that ended in `outcome`; a dot for none."""
        return "" if self.counts is None else str(self.counts.get(outcome) or "·")

    @property
    def rate(self) -> str:
        """The share of them that survived."""
        return str(survival(self.counts)) if self.counts is not None and self.rated else ""


@dataclass(frozen=True, slots=True)
class OutcomeColumn:
    """A column of the outcome table: what stands above it, and its text for a line."""

    header: str
    text: Callable[[TableRow], str]
    style: str = ""
    justify: JustifyMethod = "right"


@dataclass(frozen=True, slots=True)
class Layout:
    """A way in which the outcome table saves width."""

    tight: bool  # long words in two lines, one space between columns
    apart: bool  # outcomes in a table of their own, above


UNDECIDED = Decision.UNDECIDED.value
LAYOUTS = (Layout(False, False), Layout(True, False), Layout(False, True), Layout(True, True))
NARROW = {
    "planned": "plan-\nned",
    "injected": "injec-\nted",
    "activated": "acti-\nvated",
    "manifested": "mani-\nfested",
}
RATE = "MASKED or RECOVERED\nof activated, 95 %"
RULED = Box("    \n    \n ── \n    \n    \n ── \n    \n    \n")  # rules under the header and between sections


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Accounting and outcomes by a column (and policy, where there are several), for a terminal. Print it with rich."""

    column: str
    lines: tuple[TableRow, ...]
    total: tuple[TableRow, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, store: Store, column: str = "injector") -> Self:
        """The table of what is in the store by now. Raises: UsageError if trials cannot be grouped by `column`."""
        accounts, groups = accounting_by(store), by(store)
        golden = groups.get(GOLDEN)
        total = [TableRow("TOTAL", accounting(store), outcomes(store))]
        if GOLDEN in accounts:
            total.append(TableRow(GOLDEN, accounts[GOLDEN], complete(golden or {}), rated=False))
        return cls(column, tuple(lines(store, column)), tuple(total), tuple(notes(store, golden)))

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
        """The accounting with outcomes and rates beside it, or with the outcomes above."""
        label = OutcomeColumn(self.column, attrgetter("label"), justify="left")
        rates = OutcomeColumn(RATE, attrgetter("rate"))
        accounts, counts = list(self.accounts(layout.tight)), list(self.outcomes(layout.tight))
        gap = 0 if layout.tight else 1
        if layout.apart:
            return [self.grid([label, *counts], gap), self.grid([label, *accounts, rates], gap)]
        return [self.grid([label, *accounts, *counts, rates], gap)]

    def accounts(self, tight: bool) -> Iterator[OutcomeColumn]:
        """Planned, injected, activated, manifested, void."""
        for name in ACCOUNTS:
            yield OutcomeColumn(NARROW.get(name, name) if tight else name, methodcaller("accounted", name))

    def outcomes(self, tight: bool) -> Iterator[OutcomeColumn]:
        """Each outcome that occurs."""
        for outcome in Outcome:
            name, entry = outcome.name, ENTRIES[outcome]
            if any((line.counts or {}).get(name) for line in (*self.lines, *self.total)):
                header = entry.narrow if tight and entry.narrow else name
                yield OutcomeColumn(header, methodcaller("count", name), entry.style)

    def grid(self, columns: Sequence[OutcomeColumn], gap: int) -> Table:
        """A table of some columns: the groups, then the totals."""
        table = Table(box=RULED, padding=(0, gap, 0, 0), show_edge=False, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.header, justify=column.justify, style=column.style, no_wrap=True, vertical="bottom")
        for line in self.lines:
            table.add_row(*(column.text(line) for column in columns))
        table.add_section()
        for line in self.total:
            table.add_row(*(column.text(line) for column in columns), style="bold" if line.rated else "dim")
        return table


def lines(store: Store, column: str) -> Iterator[TableRow]:
    """A row per value of a column, or per value and policy if there is more than one policy."""
    groups = grouped(store, column)
    policies = {policy for _, policy in groups}
    headed = len(policies) > 1 and column != "policy"
    previous = None
    for (value, policy), (account, counts) in groups.items():
        label = value or "(none)"
        if headed and value != previous:
            yield TableRow(label)
        yield TableRow(f"  {policy}" if headed else label, account, counts)
        previous = value


def notes(store: Store, golden: Mapping[str, int] | None) -> Iterator[str]:
    """The lines under the table."""
    counts = accounting(store)
    yield accounting_line(counts)
    if (wrong := false_positives(store)) and golden:
        yield f"{wrong} of {sum(golden.values())} golden trials were not clean: {why(store)}"
    meta = store.meta()
    if line := decision_line(meta.stop, meta.decision):
        yield line
    if (again := replay_totals(store))["runs"]:
        same = f"the same outcome in {again['outcome_agrees']}, all events in {again['events_agree']}"
        yield f"run again {again['runs']} times: {same}"
    if (so_far := len(store.done())) < counts["planned"]:
        yield f"{so_far} of {counts['planned']} planned trials have ended so far{state(store, meta)}"
    for line in (again_line(store), unjudged_line(store)):
        if line:
            yield line
    yield from origin(meta)


def why(store: Store) -> str:
    """The kernel's own reports in golden trials; without one, a guess."""
    golden = (trial for trial in queries.judged(store) if trial.groups["injector"] == GOLDEN and trial.crash_kind)
    crash = next(golden, None)
    if crash is None:
        return "a false alarm, or a fault of the set-up"
    return f"trial {crash.n}: {signature(str(crash.crash_kind), crash.crash_function)}"


def state(store: Store, meta: Meta) -> str:
    """The end of a line about a campaign with trials left: does it run, or will it never by itself?"""
    if is_claimed(store.path):
        return ": it is running"
    decided = (meta.decision or {}).get("decision", UNDECIDED) != UNDECIDED
    return "" if decided else ": no process runs it, --resume continues"


def origin(meta: Meta) -> Iterator[str]:
    """The campaign, and the software it ran on."""
    yield f"{meta.experiment}, seed {meta.seed}, begun {meta.started}"
    own = "".join(f"{name} {revision}, " for name, revision in meta.own_revisions.items())
    yield f"revision {meta.git_revision or 'unknown'}, {own}Linux {meta.kernel}, QEMU {meta.qemu}"
