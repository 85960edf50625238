"""The SQLite file of a store: how it is opened, checked, brought up to date, and how its errors are told."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faultkit.model.errors import HarnessError, UsageError
from faultkit.store import schema
from faultkit.store.columns import OPTIONAL

FILE = "campaign.sqlite"
ROOM_BYTES = 64 << 10  # as much as SQLite needs beside a file
LOCK_WAIT_S = 10  # how long another process may hold the database before that is an error


def connect(file: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection that waits a little for another's lock, and begins no transaction by itself."""
    mode = "ro" if readonly else "rwc"
    uri = f"{file.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_S, check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA synchronous = NORMAL")  # with WAL, only a power cut can take the last trials
    return db


def check_version(directory: Path, db: sqlite3.Connection) -> None:
    """Refuse a file that is no store of this version. Raises: UsageError."""
    with translated(directory):
        begun = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
        version = begun and db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if not version:
        raise UsageError(f"{directory} holds no results ({FILE} is empty): the campaign must be run again")
    if version[0] != json.dumps(schema.VERSION):
        raise UsageError(f"{directory} was written by another version of faultkit")


def check_columns(directory: Path, db: sqlite3.Connection, *, readonly: bool, older: bool) -> None:
    """Make an older file readable if it lacks only what may be missing. Raises: UsageError if it lacks more."""
    missing = missing_parts(db)
    needed = [part for part in missing if part[0] != "trials" or part[1] not in OPTIONAL]
    if needed and not older:
        raise UsageError(
            f"{directory} was written by an earlier version of faultkit: "
            f"`faultkit judge {directory}` brings it up to date"
        )
    if missing and not needed and readonly:
        db.execute(schema.with_missing(frozenset(str(column) for _, column in missing)))
    elif missing and not needed:
        bring_up_to_date(db)


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Add the tables and columns that this version has and the file has not."""
    for table, column in missing_parts(db):
        db.execute(schema.add_column(table, column) if column else schema.create(table))


def missing_parts(db: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Tables, and columns of tables, that this version has and the file has not."""
    missing: list[tuple[str, str | None]] = []
    for table, columns in schema.TABLES.items():
        there = {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}
        missing += [(table, column) for column in columns if column not in there] if there else [(table, None)]
    return missing


def is_full(path: Path) -> bool:
    """Say if the disk with a path has no room: SQLite calls some of its failures there plain I/O errors."""
    there = next((each for each in (path, *path.parents) if each.exists()), Path())
    return shutil.disk_usage(there).free < ROOM_BYTES


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the disk's complaints in our words."""
    try:
        yield
    except sqlite3.OperationalError as reason:
        if "locked" in str(reason):
            raise HarnessError(f"{path} is locked by another process: end it, then try again with --resume") from None
        if "full" in str(reason) or is_full(path):
            raise HarnessError(f"the disk with {path} is full: free some space, then go on with --resume") from None
        raise HarnessError(f"{path} cannot be read or written: {reason}") from None
    except UnicodeDecodeError:  # of sqlite3's own message
        raise UsageError(f"{path} is damaged: the campaign must be run again") from None
    except sqlite3.DatabaseError as reason:
        raise UsageError(f"{path} is damaged ({reason}): the campaign must be run again") from None
    except OSError as reason:
        raise HarnessError(f"{path} cannot be written: {reason.strerror}") from None
