"""Where results live: one SQLite file per campaign, and the only file that knows its format.

A trial is one row, written in one transaction when the trial ends: its plan, the raw record (events,
console), and what the oracle made of it. The judged columns can be written again from the raw ones.
WAL mode lets readers look while a campaign runs.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from faultkit.model.codec import decode, name_of
from faultkit.model.errors import HarnessError, UsageError
from faultkit.model.events import Ending, Event, Outcome
from faultkit.model.trial import Record
from faultkit.store import moved, schema
from faultkit.store.schema import JUDGED, VERSION
from faultkit.verdict.judge import Verdict, judge
from faultkit.verdict.strata import stratum

FILE = "campaign.sqlite"
LOCK_WAIT_S = 10  # how long another process may hold the database before that is an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trial on its way into the store: its plan and either a record or the reason why it is void."""

    n: int
    plan: Mapping[str, Any]
    template: str
    attempts: int
    record: Record | None
    void: str | None = None


class Store:
    """A campaign's results. Open with `create` or `open`, close with `with`."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db

    @classmethod
    def create(cls, directory: Path, meta: Mapping[str, Any]) -> Self:
        """A new store in a new or empty directory. Raises: UsageError if there is something in it."""
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UsageError(f"{directory} exists and is not empty: give --resume to go on with it, or another --out")
        with translated(directory):
            directory.mkdir(parents=True, exist_ok=True)
            db = connect(directory / FILE)
            db.execute("PRAGMA journal_mode=WAL")
            for table in schema.TABLES:
                db.execute(schema.create(table))
            db.executemany("INSERT INTO meta VALUES (?, ?)", [(k, json.dumps(v)) for k, v in meta.items()])
            db.execute("INSERT INTO meta VALUES ('version', ?)", (json.dumps(VERSION),))
            db.commit()
        return cls(directory, db)

    @classmethod
    def open(cls, directory: Path, *, readonly: bool = True, older: bool = False) -> Self:
        """An existing store.

        `older`: also one that an earlier version wrote, of which `rejudge` must be the first use.
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
            check_version(directory, db)
            if missing_parts(db) and not older:
                raise UsageError(
                    f"{directory} was written by an earlier version of faultkit: "
                    f"`faultkit judge {directory}` brings it up to date"
                )
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

    def meta(self) -> dict[str, Any]:
        """Facts about the campaign: experiment, seed, planned, command, versions, hashes."""
        with translated(self.path):
            return {k: moved.loads(v) for k, v in self._db.execute("SELECT key, value FROM meta ORDER BY key")}

    def set_meta(self, key: str, value: Any) -> None:
        """Write one fact about the campaign."""
        with translated(self.path):
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
            self._db.commit()

    def done(self) -> set[int]:
        """Which trials have a row. Void ones count: they were retried before they were stored."""
        with translated(self.path):
            return {n for (n,) in self._db.execute("SELECT n FROM trials")}

    def add(self, row: Row) -> Verdict | None:
        """Judge and write one trial, in one transaction. Raises: HarnessError if it already has a row."""
        with translated(self.path), self._db:
            return insert(self._db, row)

    def add_many(self, rows: Iterable[Row]) -> None:
        """Write many trials in one transaction."""
        with translated(self.path), self._db:
            for row in rows:
                insert(self._db, row)

    def add_replay(self, columns: Mapping[str, Any]) -> None:
        """Write what came of running a trial again: see `faultkit.store.schema.REPLAYS`."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        with translated(self.path), self._db:
            self._db.execute(f"INSERT INTO replays ({names}) VALUES ({marks})", list(columns.values()))  # noqa: S608

    def plan(self, n: int) -> dict[str, Any]:
        """The plan of a trial. Raises: UsageError if there is none."""
        found: dict[str, Any] = moved.loads(self._one(n, "plan"))
        return found

    def template(self, n: int) -> str:
        """The address of the template that a trial was forked from."""
        return str(self._one(n, "template"))

    def record(self, n: int) -> Record:
        """The raw record of a valid trial. Raises: UsageError if there is none, or its parts are gone."""
        columns = "plan, void, ending, events, console, lost, wall_s, guest_s"
        with translated(self.path):
            row = self._db.execute(f"SELECT {columns} FROM trials WHERE n = ?", (n,)).fetchone()  # noqa: S608
        if row is None:
            raise UsageError(f"there is no trial {n} in {self.path}: `faultkit show {self.path}` lists them")
        plan, void, ending, events, console, lost, wall_s, guest_s = row
        if void is not None:
            raise UsageError(f"trial {n} is void ({void}): nothing was recorded")
        return Record(
            trial=self._decoded(n, plan),
            ending=Ending(ending),
            events=unpack_events(events),
            console=zlib.decompress(console).decode(),
            lost=json.loads(lost),
            wall_s=wall_s,
            guest_s=guest_s,
        )

    def outcomes(self) -> dict[int, str | None]:
        """The outcome of each trial by its number, in order; None for a void one."""
        with translated(self.path):
            return dict(self._db.execute("SELECT n, outcome FROM trials ORDER BY n"))

    def console(self, n: int) -> str:
        """The guest's console output during a trial ("" for a void one)."""
        blob = self._one(n, "console")
        return zlib.decompress(blob).decode() if blob else ""

    def events(self, n: int) -> tuple[Event, ...]:
        """The events of a trial, by time (none for a void one). Works where the plan's classes are gone."""
        blob = self._one(n, "events")
        return unpack_events(blob) if blob else ()

    def rejudge(self) -> int:
        """Judge every stored record again; returns how many verdicts changed.

        What an earlier version did not have is added and filled. All is done, or nothing if a record cannot be judged.
        """
        with translated(self.path), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for table, column in missing_parts(self._db):
                self._db.execute(schema.add(table, column) if column else schema.create(table))
            return sum([self._rejudge(n) for n in sorted(self.done())])

    def _rejudge(self, n: int) -> bool:
        """Judge one stored record again, and sort its fault anew; whether the verdict changed."""
        fault = self._decoded(n, json.dumps(self.plan(n)["fault"]))
        self._update(n, asdict(stratum(fault)))
        if self._one(n, "void") is not None:
            return False
        old = self._db.execute(f"SELECT {', '.join(JUDGED)} FROM trials WHERE n = ?", (n,)).fetchone()  # noqa: S608
        new = judged_columns(judge(self.record(n)))
        if tuple(new.values()) == old:
            return False
        self._update(n, new)
        return True

    def _update(self, n: int, columns: Mapping[str, Any]) -> None:
        """Write some columns of a trial; the caller commits."""
        sets = ", ".join(f"{name} = ?" for name in columns)
        self._db.execute(f"UPDATE trials SET {sets} WHERE n = ?", (*columns.values(), n))  # noqa: S608

    def query(self, sql: str, arguments: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a SELECT over `trials` and `meta`, for reports."""
        with translated(self.path):
            yield from self._db.execute(sql, arguments)

    def _decoded(self, n: int, plan: str) -> Any:
        try:
            return decode(moved.loads(plan))
        except (ImportError, AttributeError, TypeError) as reason:
            raise UsageError(
                f"the parts of trial {n} in {self.path} cannot be made again ({reason}): "
                "use the revision of the code that wrote it, see git_revision in `faultkit show`"
            ) from None

    def _one(self, n: int, column: str) -> Any:
        with translated(self.path):
            row = self._db.execute(f"SELECT {column} FROM trials WHERE n = ?", (n,)).fetchone()  # noqa: S608
        if row is None:
            raise UsageError(f"there is no trial {n} in {self.path}: `faultkit show {self.path}` lists them")
        return row[0]


def check_version(directory: Path, db: sqlite3.Connection) -> None:
    """Raises: UsageError if this is no store of our version."""
    with translated(directory):
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            raise UsageError(f"{directory} holds no results ({FILE} is empty): the campaign must be run again")
        version = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if version is None or json.loads(version[0]) != VERSION:
        raise UsageError(f"{directory} was written by another version of faultkit")


def missing_parts(db: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Tables, and columns of tables, that this version has and a store has not."""
    missing: list[tuple[str, str | None]] = []
    for table, columns in schema.TABLES.items():
        there = {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}
        missing += [(table, column) for column in columns if column not in there] if there else [(table, None)]
    return missing


def insert(db: sqlite3.Connection, row: Row) -> Verdict | None:
    """Judge one trial and write its row; the caller commits. Raises: HarnessError if it already has one."""
    columns, verdict = as_columns(row)
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    try:
        db.execute(f"INSERT INTO trials ({names}) VALUES ({marks})", list(columns.values()))  # noqa: S608
    except sqlite3.IntegrityError as reason:
        raise HarnessError(f"trial {row.n} cannot be stored: {reason}") from None
    return verdict


def as_columns(row: Row) -> tuple[dict[str, Any], Verdict | None]:
    """The columns of a trial's row, and its verdict if it is valid."""
    fault, trigger = row.plan.get("fault"), row.plan.get("trigger")
    columns: dict[str, Any] = {
        "n": row.n,
        "plan": json.dumps(row.plan, sort_keys=True, separators=(",", ":")),
        **{part: class_name(row.plan[part]) for part in ("driver", "policy", "workload")},
        "injector": class_name(fault),
        "trigger": class_name(trigger) if trigger else "",
        **asdict(stratum(decode(fault))),
        "template": row.template,
        "attempts": row.attempts,
        "void": row.void,
    }
    if row.record is None:
        return columns, None
    verdict = judge(row.record)
    columns |= {
        "ending": row.record.ending.value,
        "wall_s": row.record.wall_s,
        "guest_s": row.record.guest_s,
        "lost": json.dumps(dict(row.record.lost)),
        "events": pack_events(row.record.events),
        "console": zlib.compress(row.record.console.encode()),
        **judged_columns(verdict),
    }
    return columns, verdict


def judged_columns(verdict: Verdict) -> dict[str, Any]:
    """The columns that the oracle fills, in the order of JUDGED, as SQLite gives them back."""
    values = asdict(verdict) | {"outcome": Outcome(verdict.outcome).name, "manifested": verdict.manifested}
    return {name: int(v) if isinstance(v := values[name], bool) else v for name in JUDGED}


def class_name(part: Mapping[str, Any] | None) -> str:
    """The short name of an encoded part: "injectors.kdriver.call_error:CallError" -> "call_error"."""
    return name_of(part and type(str(part["is"]).rpartition(":")[2], (), {})())


def pack_events(events: Iterable[Event]) -> bytes:
    """Events as they are stored."""
    rows = [[e.t_ns, e.source, e.kind, dict(e.data)] for e in events]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=6)


def unpack_events(blob: bytes) -> tuple[Event, ...]:
    """Events as they were packed."""
    return tuple(Event(*row) for row in json.loads(zlib.decompress(blob)))


def connect(file: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection that waits a little for another's lock."""
    mode = "ro" if readonly else "rwc"
    uri = f"{file.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_S, check_same_thread=False)
    db.execute("PRAGMA synchronous = NORMAL")  # with WAL, only a power cut can take the last trials
    return db


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the disk's complaints in our words."""
    try:
        yield
    except sqlite3.OperationalError as reason:
        if "locked" in str(reason):
            raise HarnessError(f"{path} is locked by another process: end it, then try again with --resume") from None
        if "full" in str(reason):
            raise HarnessError(f"the disk with {path} is full: free some space, then go on with --resume") from None
        raise HarnessError(f"{path} cannot be read or written: {reason}") from None
    except sqlite3.DatabaseError as reason:
        raise UsageError(f"{path} is damaged ({reason}): the campaign must be run again") from None
    except OSError as reason:
        raise HarnessError(f"{path} cannot be written: {reason.strerror}") from None
