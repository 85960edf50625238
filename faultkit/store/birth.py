"""The beginning of a store: its file is made under another name, and takes its own when it is complete.

A process that is killed, or a disk that is full, leaves no half store in the place of one. Versions up to 0.1 wrote the
file in its place: one that never came to hold anything is as good as none.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from faultkit.model.errors import UsageError
from faultkit.store import schema
from faultkit.store.database import FILE, connect

BEGINNING = f".{FILE}-new"  # the file's name until it is complete
OWN = (FILE, BEGINNING)
BESIDE = ("", "-journal", "-wal", "-shm")  # SQLite's files of a database


def begin(directory: Path, facts: Mapping[str, Any]) -> None:
    """Make the file of a store that holds these facts and no trial. Raises: sqlite3.Error, OSError."""
    fresh = directory / BEGINNING
    try:
        with closing(connect(fresh)) as db:
            db.execute("BEGIN")
            for table in schema.TABLES:
                db.execute(schema.create(table))
            db.executemany(schema.insert("meta", ("key", "value")), [(k, json.dumps(v)) for k, v in facts.items()])
            db.commit()
            db.execute("PRAGMA journal_mode=WAL")
        fresh.rename(directory / FILE)
    except BaseException:
        clear_beginnings(directory)
        raise


def clear_beginnings(directory: Path) -> None:
    """Remove what a store that never came to be has left in a directory that is `vacant`."""
    for name in (own + beside for own in OWN for beside in BESIDE):
        (directory / name).unlink(missing_ok=True)


def refuse_occupied(directory: Path) -> None:
    """Refuse a directory that is not `vacant`. Raises: UsageError."""
    if not vacant(directory):
        raise UsageError(f"{directory} exists and is not empty: give --resume to go on with it, or another --out")


def vacant(directory: Path) -> bool:
    """Say if a new store may begin there: it is no file, and holds at most a store that never came to be."""
    if not directory.exists():
        return True
    if not directory.is_dir():
        return False
    names = {path.name for path in directory.iterdir()} - {own + beside for own in OWN for beside in BESIDE}
    return not names and hollow(directory / FILE)


def hollow(file: Path) -> bool:
    """Say if a results' file holds neither facts nor trials, or is not there."""
    if not file.exists():
        return True
    try:
        with closing(connect(file, readonly=True)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            facts = "meta" in tables and db.execute("SELECT 1 FROM meta WHERE key = 'version'").fetchone()
            return not facts and not ("trials" in tables and db.execute("SELECT 1 FROM trials").fetchone())
    except sqlite3.Error:
        return False
