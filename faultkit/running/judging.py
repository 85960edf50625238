"""Trials are stored first and judged afterwards: an oracle that raises loses nothing.

A trial that could not be judged stays in the store, with the reason, until `rejudge` finds that the oracle was mended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from faultkit.model.codec import foreign_parts
from faultkit.model.errors import BAD_DATA, BadRecord, UsageError, words_of
from faultkit.model.events import Outcome
from faultkit.model.trial import Record, Trial
from faultkit.store.columns import FAULT, OPTIONAL, VERDICT
from faultkit.store.queries import unsorted, without_verdict
from faultkit.store.store import Row, Store
from faultkit.verdict.judge import Verdict, judge
from faultkit.verdict.strata import Stratum, stratum

T = TypeVar("T")
BLANK: dict[str, Any] = dict.fromkeys((*FAULT, *VERDICT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The second half of a trial's row: its fault's classes and, of a valid trial, its verdict."""

    stratum: Stratum | None
    verdict: Verdict | None
    problem: str | None = None  # the error for which one of them is missing

    def as_columns(self) -> dict[str, Any]:
        """The columns that this fills, as SQLite gives them back."""
        found = by_name(self.stratum) if self.stratum else {}
        if self.verdict:
            found |= by_name(self.verdict) | {"outcome": Outcome(self.verdict.outcome).name}
        plain = {name: int(value) if isinstance(value, bool) else value for name, value in found.items()}
        return BLANK | plain | {"unjudged": self.problem}


def by_name(found: Stratum | Verdict) -> dict[str, Any]:
    """The fields, all of them plain values, by their names."""
    return {field.name: getattr(found, field.name) for field in fields(found)}


def find(trial: Trial, record: Record | None) -> Finding:
    """Sort a trial's fault and, if there is a record, judge it. Raises nothing: an error is part of the finding."""
    problems: list[str] = []
    sorted_ = attempted(lambda: stratum(trial.fault), problems)
    verdict = attempted(lambda: judge(record), problems) if record else None
    return Finding(stratum=sorted_, verdict=verdict, problem="; ".join(problems) or None)


def attempted(action: Callable[[], T], problems: list[str]) -> T | None:
    """The action's result; None, and one more problem, if it raises."""
    try:
        return action()
    except Exception as reason:
        problems.append(f"{type(reason).__name__}: {words_of(reason)}")
        return None


def keep(store: Store, row: Row) -> Finding:
    """Store a trial, then judge it. Raises: HarnessError if it cannot be stored."""
    return judge_added(store, add_or_void(store, row))


def add_or_void(store: Store, row: Row) -> Row:
    """Store a trial; if its record cannot be written it is void. Returns the stored row. Raises: HarnessError."""
    try:
        store.add(row)
    except BadRecord as reason:
        row = replace(row, record=None, void=str(reason), passing=False)
        store.add(row)
    return row


def judge_added(store: Store, row: Row) -> Finding:
    """Judge a trial that has just been stored. Raises: HarnessError if the disk refuses."""
    finding = find(row.trial, row.record)
    try:
        store.update(row.n, finding.as_columns())
    except BadRecord as reason:
        finding = Finding(stratum=None, verdict=None, problem=str(reason))
        store.update(row.n, finding.as_columns())
    return finding


def keep_all(store: Store, rows: Iterable[Row]) -> None:
    """Store many trials in one transaction, then judge all that have no verdict in another."""
    store.add_many(rows)
    judge_missing(store)


def judge_missing(store: Store) -> None:
    """Judge the stored trials that have no verdict, such as those of a campaign that was killed.

    One that cannot be read stays without, with the reason.
    """
    with store.transaction():
        for n in sorted({*without_verdict(store), *unsorted(store)}):
            try:
                finding = found_again(store, n)
            except BAD_DATA as reason:
                finding = Finding(stratum=None, verdict=None, problem=str(reason))
            store.update(n, finding.as_columns())


def rejudge(store: Store) -> int:
    """Judge every stored record again; returns the number of changed verdicts.

    What an earlier version did not have is added and filled.
    Raises: UsageError if a trial's parts are gone; then nothing is changed.
    """
    with store.transaction():
        store.bring_up_to_date()
        return sum([changed(store, n) for n in sorted(store.done())])


def changed(store: Store, n: int) -> bool:
    """Judge one stored trial again, and say if its verdict is another now; to fill a new column is no change."""
    new = found_again(store, n).as_columns()
    before = dict(zip(new, store.some(n, new), strict=True))
    if new != before:
        store.update(n, new)
    told = [name for name in VERDICT if name not in OPTIONAL or before[name] is not None]
    return new["outcome"] is not None and any(new[name] != before[name] for name in told)


def found_again(store: Store, n: int) -> Finding:
    """The finding for a stored trial.

    Raises: UsageError if its parts are gone, or if what is stored of a part whose module is not loaded is not enough.
    """
    row = store.row(n)
    finding = find(row.trial, row.record)
    for part in foreign_parts(row.trial):
        if finding.problem:
            raise UsageError(
                f"trial {n} in {store.path} has parts of your own, {part.name} among them: give --experiment FILE "
                f"({finding.problem})"
            )
        finding = replace(finding, stratum=stored_stratum(store, n) or finding.stratum)
    return finding


def stored_stratum(store: Store, n: int) -> Stratum | None:
    """The classes of a trial's fault as they are stored; None if they are not."""
    values = dict(zip(FAULT, store.some(n, FAULT), strict=True))
    if values["fault_type"] is None:
        return None
    return Stratum(**{each.name: values[each.name] for each in fields(Stratum)})
