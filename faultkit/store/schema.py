"""The tables of a results' file, as SQL text."""

from __future__ import annotations

from collections.abc import Mapping

from faultkit.store.columns import COLUMNS

VERSION = 1  # raised only if older files cannot be brought up to date

TRIALS: Mapping[str, str] = {column.name: column.sql for column in COLUMNS}
REPLAYS: Mapping[str, str] = {
    "n": "INTEGER NOT NULL",  # the trial that was run again
    "jobs": "INTEGER NOT NULL",  # trials at a time
    "outcome": "TEXT NOT NULL",
    "outcome_agrees": "INTEGER NOT NULL",
    "events_agree": "INTEGER NOT NULL",  # all of them, to the nanosecond
    "difference": "TEXT",  # the first event that differs, then and now
    "replayed": "TEXT NOT NULL",  # time of day, UTC
}
META: Mapping[str, str] = {"key": "TEXT PRIMARY KEY", "value": "TEXT NOT NULL"}
TABLES: Mapping[str, Mapping[str, str]] = {"meta": META, "trials": TRIALS, "replays": REPLAYS}


def create(table: str) -> str:
    """The statement that makes a table."""
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLES[table].items())
    return f"CREATE TABLE {table} ({columns})"


def add_column(table: str, column: str) -> str:
    """The statement that adds a column to a table with rows."""
    kind = TABLES[table][column].removesuffix(" NOT NULL")
    return f"ALTER TABLE {table} ADD COLUMN {column} {kind}"


def insert(table: str, names: tuple[str, ...]) -> str:
    """The statement that adds a row with values for these columns."""
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def update(names: tuple[str, ...]) -> str:
    """The statement that writes some columns of one trial; its number is the last value."""
    return f"UPDATE trials SET {', '.join(f'{name} = ?' for name in names)} WHERE n = ?"


def with_missing(names: frozenset[str]) -> str:
    """The statement that lets an older table of trials be read as if it had these columns, without values."""
    return f"CREATE TEMP VIEW trials AS SELECT *, {', '.join(f'NULL AS {name}' for name in names)} FROM main.trials"
