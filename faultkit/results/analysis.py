"""A campaign as pandas frames, for notebooks: `faultkit.load(RESULT).trials`. See docs/notebooks.md.

`RESULT` is a directory `results/<experiment>/<date-time>-<seed>/`, a `latest` link to one, or the store's file.
Frames are read while a campaign runs as well as afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd

from faultkit.model.errors import HarnessError, UnmetNeed, UsageError
from faultkit.model.events import Outcome
from faultkit.results.compare import Comparison, between, within
from faultkit.results.summary import GOLDEN, survival
from faultkit.results.waits import watched
from faultkit.store import queries
from faultkit.store.columns import IN_FRAMES, OUTCOME, Column, Role
from faultkit.store.store import Store
from faultkit.tables.outcome_table import OutcomeTable
from faultkit.tables.rich_html import as_html, as_text
from faultkit.tables.timeline import Timeline

__all__ = [
    "OUTCOMES",
    "Results",
    "Story",
    "compare",
    "event_batches",
    "events",
    "export",
    "load",
    "rates",
    "trials",
]
OUTCOMES = pd.CategoricalDtype([outcome.name for outcome in Outcome], ordered=True)  # mildest first

# Missing values are pandas' own: a void trial has no outcome, an interval may lack an end.
DTYPES: dict[str, Any] = {
    column.shown: OUTCOMES if column.dtype == OUTCOME else column.dtype for column in IN_FRAMES
}  # meanings and units: faultkit.store.columns

EVENT_COLUMNS: Mapping[str, tuple[str, str]] = {  # name -> dtype, meaning
    "trial": ("int64", ""),
    "t_ns": ("int64", "virtual nanoseconds since the trial began"),
    "source": ("string", "the observer"),
    "kind": ("string", "see the glossary"),
    "data": ("object", "a dict each, whose keys belong to the kind"),
}
RATE_COLUMNS: Mapping[str, tuple[str, str]] = {
    "planned": ("int64", "trials that have ended by now"),
    "injected": ("int64", ""),
    "activated": ("int64", ""),
    "manifested": ("int64", ""),
    "void": ("int64", ""),
    "survived": ("int64", "MASKED or RECOVERED"),
    "share": ("float64", "survived of activated, a fraction of 1; NaN if none was activated"),
    "low": ("float64", "the lower end of its exact (Clopper-Pearson) 95 % interval"),
    "high": ("float64", "the upper end"),
}
EVENT_DTYPES: dict[str, Any] = {name: dtype for name, (dtype, _) in EVENT_COLUMNS.items()}
RATE_DTYPES: dict[str, Any] = {name: dtype for name, (dtype, _) in RATE_COLUMNS.items()}
PLAIN: dict[str, tuple[type, ...]] = {  # type in frames -> of what SQLite gives
    "int64": (int,), "Int64": (int,), "boolean": (int,), "Float64": (int, float), "string": (str,), OUTCOME: (str,),
}  # fmt: skip
FORMATS = ("csv", "parquet")
FORMULA = r"^([=+\-@\t\r\n])"  # the beginning of one
BATCH = 1_000  # trials whose events are in memory at a time


@dataclass(frozen=True, slots=True)
class Results:
    """One campaign: `meta` (experiment, seed, command, versions, hashes) and its trials, a row each."""

    path: Path
    meta: dict[str, Any] = field(repr=False)
    trials: pd.DataFrame = field(repr=False)

    def trial(self, n: int) -> Story:
        """One trial, whose time line a notebook shows. Raises: UsageError if there is none."""
        with Store.open(self.path) as store:
            return Story(Timeline.of(store, n))

    def events(
        self, trials: int | Iterable[int] | None = None, kinds: str | Iterable[str] | None = None
    ) -> pd.DataFrame:
        """The events of one trial, of some, or of all: see `faultkit.events`."""
        return events(self.path, trials, kinds)

    def rates(self, by: str | Sequence[str] = "injector") -> pd.DataFrame:
        """Accounting of the trials, and the share that survived: see `faultkit.rates`."""
        return rates(self.trials, by)

    def parameters(self) -> pd.DataFrame:
        """The fields of each trial's parts, a row per trial: see `faultkit.results.analysis.parameters`."""
        return parameters(self.path)

    def recovery_times(self) -> pd.DataFrame:
        """Valid trials with a fault and a detected error: the columns of `trials` and of `waits.WAIT_COLUMNS`."""
        with Store.open(self.path) as store:
            return watched(store, self.trials)

    def compare(self, other: Results) -> Comparison:
        """Against another campaign, in pairs where their fault lists match: see `faultkit.results.compare.between`."""
        return compare(self, other)

    def compare_by(self, column: str = "policy") -> list[Comparison]:
        """The trials that differ in `column` alone, each two of its values. Raises: UsageError if there are none."""
        with Store.open(self.path) as store:
            return within(store, column)

    def _repr_html_(self) -> str:
        with Store.open(self.path) as store:
            return as_html(OutcomeTable.of(store))


@dataclass(frozen=True, slots=True)
class Story:
    """One trial's time line, calls and requests left out; as text (`print`), and in a notebook."""

    timeline: Timeline = field(repr=False)

    def __str__(self) -> str:
        return as_text(self.timeline)

    def _repr_html_(self) -> str:
        return as_html(self.timeline)


def load(path: Path | str) -> Results:
    """The facts and the trials of a campaign; events are read when they are asked for. Raises: UsageError."""
    with Store.open(Path(path)) as store:
        return Results(path=Path(path), meta=store.meta().as_dict(), trials=frame_of(store))


def trials(path: Path | str) -> pd.DataFrame:
    """One row per trial, by number; columns and units as in DTYPES. Raises: UsageError."""
    with Store.open(Path(path)) as store:
        return frame_of(store)


def frame_of(store: Store) -> pd.DataFrame:
    """The scalar columns of an open store, never its blobs.

    A row with a value that is of another type than its column is void, for that reason, and has no other values.
    """
    rows = queries.scalars(store, (column.name for column in IN_FRAMES))
    try:
        return framed(rows)
    except (TypeError, ValueError):  # such a row is looked for only if there is one
        return framed(map(readable, rows))


PARTS = ("fault", "trigger", "workload", "driver", "policy", "detectors")  # of a plan, in the order of columns
VALUES = (bool, int, float, str)


def parameters(path: Path | str) -> pd.DataFrame:
    """The seed of each trial and the fields of its parts, a row per trial with its number in the column `trial`.

    Columns are called `seed`, `fault.nth`, `trigger.nth` ...; a part in a field has its own (`fault.site.function`),
    and of several faults each has its number (`fault.faults.0.nth`). Fields that a trial's part lacks are missing.
    `results.trials.merge(results.parameters(), on="trial")` has both. Raises: UsageError.
    """
    with Store.open(Path(path)) as store:
        rows = [
            {"trial": each.n, "seed": each.plan.get("seed"), **fields_of(each.plan)} for each in queries.planned(store)
        ]
    columns = {name: one_type([row.get(name) for row in rows]) for name in ordered(rows)}
    return pd.DataFrame(columns).astype({"trial": "int64"})


def one_type(values: list[Any]) -> pd.Series:
    """A column of plain values with pandas' own missing ones: exact, so that whole numbers beyond 64 bits are text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds == {int} and all(value is None or -(1 << 63) <= value < 1 << 63 for value in values):
        return pd.Series(values, dtype="Int64")
    if kinds and kinds <= {int, float} and float in kinds:
        return pd.Series(values, dtype="Float64")
    return pd.Series([None if value is None else str(value) for value in values], dtype="string")


def ordered(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """All columns of the rows: trial and seed, then part by part."""
    names = dict.fromkeys(name for row in rows for name in row)
    rank = {part: place for place, part in enumerate(("trial", "seed", *PARTS))}
    return sorted(names, key=lambda name: rank[name.partition(".")[0]]) or ["trial", "seed"]


def fields_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values in a plan's parts, by their path."""
    return {path: value for part in PARTS for path, value in leaves(part, plan.get(part))}


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The plain values in a part, each with its path; the part's class has its columns already."""
    if isinstance(value, VALUES):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        if name != "is":
            yield from leaves(f"{path}.{name}", inner)


def framed(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of scalars as a frame. Raises: TypeError, ValueError if one does not fit."""
    return pd.DataFrame.from_records(list(rows), columns=list(DTYPES)).astype(DTYPES)


def readable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row, or one that only says what is wrong with it."""
    wrong = [
        f"{column.name} is {value!r}" for column, value in zip(IN_FRAMES, row, strict=True) if not fits(value, column)
    ]
    if not wrong:
        return row
    reason = f"the stored row cannot be read: {', '.join(wrong)}"
    kept = {"n": row[0], "attempts": 0, "void": reason}
    return tuple(kept.get(column.name, "" if column.role is Role.TRIAL else None) for column in IN_FRAMES)


def fits(value: Any, column: Column) -> bool:
    """True for a value of its column's type, or a missing one."""
    if value is None:
        return column.role is not Role.TRIAL
    return isinstance(value, PLAIN[str(column.dtype)]) and (column.dtype != "boolean" or value in (0, 1))


def events(
    path: Path | str, trials: int | Iterable[int] | None = None, kinds: str | Iterable[str] | None = None
) -> pd.DataFrame:
    """The events of one trial (a number), of some (numbers), or of all (None), by trial and time.

    `kinds`: only these; the others are dropped while reading, so that memory holds what is returned and no more.
    Columns as in EVENT_DTYPES. Raises: UsageError if one of the trials asked for is not there.
    """
    with Store.open(Path(path)) as store:
        return as_events(chain.from_iterable(kept_rows(store, trials, kinds)))


def event_batches(
    path: Path | str,
    trials: int | Iterable[int] | None = None,
    kinds: str | Iterable[str] | None = None,
    size: int = BATCH,
) -> Iterator[pd.DataFrame]:
    """The frames of `events`, one per `size` trials, for campaigns whose events do not fit into memory.

    Raises: UsageError if one of the trials asked for is not there, when the first frame is asked for.
    """
    with Store.open(Path(path)) as store:
        each = iter(kept_rows(store, trials, kinds))
        while batch := list(islice(each, size)):
            yield as_events(chain.from_iterable(batch))


EventRow = tuple[int, int, str, str, Any]


def kept_rows(
    store: Store, trials: int | Iterable[int] | None, kinds: str | Iterable[str] | None
) -> Iterator[list[EventRow]]:
    """The events of these kinds of each of these valid trials, as rows of EVENT_DTYPES."""
    asked = None if trials is None else sorted({trials} if isinstance(trials, int) else set(map(int, trials)))
    wanted = None if kinds is None else {kinds} if isinstance(kinds, str) else set(kinds)
    refuse_missing(store, asked or [])
    for n, kept in queries.wanted_events(store, asked, lambda event: wanted is None or event.kind in wanted):
        yield [(n, e.t_ns, e.source, e.kind, e.data) for e in kept]


def as_events(rows: Iterable[EventRow]) -> pd.DataFrame:
    """Rows as a frame of EVENT_DTYPES."""
    return pd.DataFrame.from_records(list(rows), columns=list(EVENT_DTYPES)).astype(EVENT_DTYPES)


def refuse_missing(store: Store, asked: Iterable[int]) -> None:
    """Refuse numbers of trials that are not there. Raises: UsageError."""
    if missing := sorted(set(asked) - store.done()):
        raise UsageError(f"there is no trial {missing[0]} in {store.path}: `faultkit show {store.path}` lists them")


def rates(trials: pd.DataFrame, by: str | Sequence[str] = "injector") -> pd.DataFrame:
    """Accounting of the trials with a fault in a frame, and the share of the activated that survived.

    A row per value of the column `by` (or per combination, of several), which comes first; then the columns of
    RATE_DTYPES. Accounting as in `faultkit show`: what ended worse than INACTIVE counts as activated.
    Raises: UsageError if there is no such column.
    """
    names = [by] if isinstance(by, str) else list(by)
    if unknown := [name for name in names if name not in trials.columns]:
        raise UsageError(f"trials cannot be grouped by {unknown[0]!r}: there are {', '.join(trials.columns)}")
    faulty = trials[trials["injector"] != GOLDEN]
    rows = [(*key, *rated(group)) for key, group in faulty.groupby(names, observed=True, dropna=False)]
    return pd.DataFrame.from_records(rows, columns=[*names, *RATE_DTYPES]).astype(RATE_DTYPES)


def rated(group: pd.DataFrame) -> tuple[float, ...]:
    """The columns of RATE_DTYPES for trials with a fault."""
    active = group["outcome"].notna() & (group["outcome"] > Outcome.INACTIVE.name)
    survived = survival({str(name): int(count) for name, count in group["outcome"].value_counts().items()})
    return (
        len(group), int((group["injected"].fillna(False) | active).sum()), survived.n,
        int(group["manifested"].fillna(False).sum()), int(group["void"].notna().sum()),
        survived.k, survived.share, survived.low, survived.high,
    )  # fmt: skip


def compare(first: Results, second: Results) -> Comparison:
    """Two campaigns, in pairs where their fault lists match: see `faultkit.results.compare.between`."""
    with Store.open(first.path) as one, Store.open(second.path) as two:
        return between(one, two)


def export(path: Path | str, format: str, out: Path) -> int:
    """Write the trials as one table, "csv" or "parquet"; returns their number.

    Raises: UsageError for another format or no results; UnmetNeed if parquet's library is not installed;
    HarnessError if `out` cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"cannot export as {format!r}: there are {' and '.join(FORMATS)}")
    frame = trials(path).merge(parameters(path), on="trial")
    try:
        for_spreadsheets(frame).to_csv(out, index=False) if format == "csv" else frame.to_parquet(out, index=False)
    except ImportError:
        raise UnmetNeed("parquet needs pyarrow, which is not installed: `pip install pyarrow`") from None
    except OSError as reason:
        raise HarnessError(f"{out} cannot be written: {reason.strerror or reason}") from None
    return len(frame)


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, with an apostrophe before each text that a spreadsheet would take for a formula."""
    texts = {name: frame[name] for name, dtype in frame.dtypes.items() if dtype == "string"}
    return frame.assign(**{str(name): text.str.replace(FORMULA, r"'\1", regex=True) for name, text in texts.items()})
