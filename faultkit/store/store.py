"""Where results live: one SQLite file per campaign.

A trial is one row, written in one transaction when the trial ends: its plan and the raw record (events, console). The
verdict is written afterwards, by `faultkit.running.judging`, and can be written again from the raw columns.
WAL mode lets readers look while a campaign runs. Questions about many trials: `faultkit.store.queries`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from faultkit.model.codec import encode, name_of
from faultkit.model.errors import BadRecord, HarnessError, UsageError
from faultkit.model.events import Ending, Event
from faultkit.model.known import trial_of
from faultkit.model.received import in_short
from faultkit.model.texts import neutral_data
from faultkit.model.trial import Record, Trial
from faultkit.store import moved, schema
from faultkit.store.birth import begin, clear_beginnings, refuse_occupied
from faultkit.store.database import (
    FILE,
    bring_up_to_date,
    check_columns,
    check_version,
    connect,
    translated,
)
from faultkit.store.meta import Meta
from faultkit.store.packing import decoding, pack_events, pack_text, plan_of, unpack_events, unpack_text
from faultkit.store.trusted import guard, look_at_values, refuse_other_schema

LOSSES = 1000  # the most monitors of one trial

UNWRITABLE = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)
"""What packing and SQLite raise for data that has no stored form, such as a number of more than 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trial on its way into the store: the trial, and either its record or the reason why it is void."""

    n: int
    trial: Trial  # its fault's site settled
    template: str
    attempts: int
    record: Record | None
    void: str | None = None
    passing: bool = False  # void for a cause that passes: the trial is run again when the campaign goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """One run of a stored trial again."""

    n: int
    jobs: int  # trials at a time
    outcome: str
    outcome_agrees: bool
    events_agree: bool  # all of them, to the nanosecond
    difference: str | None  # the first event that differs, then and now
    replayed: str  # time of day, UTC


class Store:
    """A campaign's results. Open with `create` or `open`, close with `with`."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db

    @classmethod
    def create(cls, directory: Path, facts: Mapping[str, Any]) -> Self:
        """A new store in a directory that is `vacant`; `facts` by the names of `Meta`'s fields.

        It is there as a whole or not at all, whenever the process or the disk gives up.
        Raises: UsageError if there is something in it.
        """
        refuse_occupied(directory)
        with translated(directory):
            directory.mkdir(parents=True, exist_ok=True)
            clear_beginnings(directory)
            begin(directory, {**facts, "version": schema.VERSION})
            return cls(directory, connect(directory / FILE))

    @classmethod
    def open(cls, directory: Path, *, readonly: bool = True, older: bool = False) -> Self:
        """An existing store.

        `older`: also one that an earlier version wrote, which must be brought up to date before anything else.
        Raises: UsageError if it is not there, or not readable as one.
        """
        file = directory / FILE if directory.is_dir() else directory
        if not file.is_file():
            raise UsageError(
                f"{directory} holds no results (no {FILE}): give a directory under results/, see `ls results`"
            )
        with translated(directory):
            db = connect(file, readonly=readonly)
        try:
            guard(db)
            with translated(directory):
                refuse_other_schema(directory, db)
            check_version(directory, db)
            with translated(directory):
                check_columns(directory, db, readonly=readonly, older=older)
                look_at_values(directory, db, readonly=readonly)
        except BaseException:
            db.close()
            raise
        return cls(file.parent, db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads within see the same rows, while a campaign writes on undisturbed."""
        with translated(self.path):
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes within are kept, or none if something is raised. A transaction within another is part of it."""
        if self._db.in_transaction:
            yield
            return
        with translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise

    def bring_up_to_date(self) -> None:
        """Add what an earlier version did not have, without values."""
        with self.transaction():
            bring_up_to_date(self._db)

    def as_one_file(self) -> None:
        """Leave WAL mode: one file, which readers leave as it is."""
        self._db.execute("PRAGMA journal_mode=DELETE")

    def meta(self) -> Meta:
        """Facts about the campaign. Raises: UsageError for facts of other types."""
        try:
            stored = self.select("SELECT key, value FROM meta")
            return Meta.of({key: moved.loads_today(value) for key, value in stored})
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as reason:
            raise UsageError(f"the facts of {self.path} cannot be read: {in_short(str(reason), 200)}") from None

    def set_meta(self, key: str, value: Any) -> None:
        """Write one fact about the campaign, by the name of `Meta`'s field."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def done(self) -> set[int]:
        """The numbers of the trials that have a row. Void ones count: they were retried before they were stored."""
        return {n for (n,) in self.select("SELECT n FROM trials")}

    def done_for_good(self) -> set[int]:
        """The same without the void ones whose cause passes: these are run again when the campaign goes on."""
        return {n for (n,) in self.select("SELECT n FROM trials WHERE passing IS NOT 1")}

    def add(self, row: Row) -> None:
        """Write one trial, without a verdict; a row that is void for a cause that passes gives way to it.

        Raises: BadRecord if it cannot be written as it is, HarnessError if it already has a row.
        """
        with self.transaction(), writing(row.n):
            columns = as_columns(row)
            self._db.execute("DELETE FROM trials WHERE n = ? AND passing = 1", (row.n,))
            self._db.execute(schema.insert("trials", tuple(columns)), tuple(columns.values()))

    def add_many(self, rows: Iterable[Row]) -> None:
        """Write many trials in one transaction."""
        with self.transaction():
            for row in rows:
                self.add(row)

    def add_replay(self, replay: ReplayRow) -> None:
        """Write what came of running a trial again."""
        columns = asdict(replay)
        with self.transaction():
            self._db.execute(schema.insert("replays", tuple(columns)), tuple(columns.values()))

    def update(self, n: int, columns: Mapping[str, Any]) -> None:
        """Write some columns of a trial, by their names in `faultkit.store.columns`. Raises: BadRecord."""
        with self.transaction(), writing(n):
            self._db.execute(schema.update(tuple(columns)), (*columns.values(), n))

    def plan(self, n: int) -> dict[str, Any]:
        """The plan of a trial, encoded. Raises: UsageError if there is none, BadRecord."""
        return plan_of(self.one(n, "plan"))

    def trial(self, n: int) -> Trial:
        """The plan of a trial, decoded; parts of modules that are not loaded stay plain data (`ForeignPart`).

        Raises: UsageError if there is none, or its parts are gone.
        """
        return self._decoded(n, self.one(n, "plan"))

    def template(self, n: int) -> str:
        """The address of the template that a trial was forked from."""
        return str(self.one(n, "template"))

    def row(self, n: int) -> Row:
        """A trial as it was added. Raises: UsageError if there is none, or its parts are gone."""
        first = ("plan", "template", "attempts", "void", "passing")
        names = (*first, "ending", "events", "console", "lost", "wall_s", "guest_s")
        plan, template, attempts, void, passing, ending, events, console, lost, wall_s, guest_s = self.some(n, names)
        trial = self._decoded(n, plan)
        record = None
        if void is None:
            record = Record(
                trial=trial, ending=Ending(ending), events=unpack_events(events), console=unpack_text(console),
                lost=losses_of(lost), wall_s=wall_s, guest_s=guest_s,
            )  # fmt: skip
        return Row(
            n=n, trial=trial, template=template, attempts=attempts, record=record, void=void, passing=bool(passing)
        )

    def record(self, n: int) -> Record:
        """The raw record of a valid trial. Raises: UsageError if there is none, or its parts are gone."""
        row = self.row(n)
        if row.record is None:
            raise UsageError(f"trial {n} is void ({row.void}): nothing was recorded")
        return row.record

    def console(self, n: int) -> str:
        """The guest's console output during a trial ("" for a void one)."""
        return unpack_text(self.one(n, "console"))

    def events(self, n: int) -> tuple[Event, ...]:
        """The events of a trial, by time (none for a void one). Works where the plan's classes are gone."""
        return unpack_events(self.one(n, "events"))

    def _decoded(self, n: int, plan: str) -> Trial:
        """A stored plan, decoded. Raises: UsageError if its parts are gone."""
        try:
            return trial_of(plan_of(plan))
        except (ImportError, AttributeError, TypeError, ValueError, ArithmeticError) as reason:
            raise UsageError(
                f"the parts of trial {n} in {self.path} cannot be made again ({reason}): "
                "use the revision of the code that wrote it, see git_revision in `faultkit show`"
            ) from None
        except UsageError as reason:
            raise UsageError(f"trial {n} in {self.path}: {reason}") from None

    def one(self, n: int, column: str) -> Any:
        """The value of one column of a trial. Raises: UsageError if there is no such trial."""
        return self.some(n, (column,))[0]

    def some(self, n: int, columns: Iterable[str]) -> tuple[Any, ...]:
        """Some columns of a trial, as stored. Raises: UsageError if there is no such trial."""
        row = next(self.select(f"SELECT {', '.join(columns)} FROM trials WHERE n = ?", n), None)
        if row is None:
            raise UsageError(f"there is no trial {n} in {self.path}: `faultkit show {self.path}` lists them")
        return row

    def select(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT. For this package: elsewhere nobody writes SQL."""
        with translated(self.path):
            for row in self._db.execute(sql, values):  # noqa: UP028 (it would ask a store that is closed by then)
                yield row


@contextmanager
def writing(n: int) -> Iterator[None]:
    """Write the row of a trial. Raises: BadRecord for data without a stored form, HarnessError for a second row."""
    try:
        yield
    except sqlite3.IntegrityError as reason:
        raise HarnessError(f"trial {n} cannot be stored: {reason}") from None
    except UNWRITABLE as reason:
        raise BadRecord(f"trial {n} cannot be stored: {type(reason).__name__}: {reason}") from None


def as_columns(row: Row) -> dict[str, Any]:
    """The columns of a trial's row that no oracle fills."""
    trial, record = row.trial, row.record
    columns: dict[str, Any] = {
        "n": row.n,
        "plan": json.dumps(encode(trial), sort_keys=True, separators=(",", ":")),
        "driver": name_of(trial.driver),
        "injector": name_of(trial.fault),
        "trigger": name_of(trial.trigger) if trial.trigger is not None else "",
        "policy": name_of(trial.policy),
        "workload": name_of(trial.workload),
        "template": row.template,
        "attempts": row.attempts,
        "void": row.void,
        "passing": None if row.void is None else int(row.passing),
    }
    if record is None:
        return columns
    return columns | {
        "ending": record.ending.value,
        "wall_s": record.wall_s,
        "guest_s": record.guest_s,
        "lost": json.dumps(dict(record.lost)),
        "events": pack_events(record.events),
        "console": pack_text(record.console),
    }


def losses_of(stored: str | None) -> dict[str, int]:
    """How many events each monitor has lost, as stored. Raises: BadRecord."""
    with decoding("the losses"):
        found = neutral_data(json.loads(stored or "{}"))
        if not isinstance(found, dict) or len(found) > LOSSES or not all(type(n) is int for n in found.values()):
            raise ValueError("they are no numbers by monitor")
        return found
