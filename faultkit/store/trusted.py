"""Files of results that anybody may have written: their schema and their values are looked at when they are opened.

A row with a value that no campaign writes is read as a void trial that says so. A file with another schema is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from faultkit.model.errors import UsageError
from faultkit.model.events import Ending, Outcome
from faultkit.model.received import in_short
from faultkit.model.texts import neutral_bytes
from faultkit.store.columns import COLUMNS, OUTCOME, Column, Role

TEXT_CHARACTERS = 1 << 20  # of a name or a reason
SECONDS = 1e12
CELL_BYTES = 512 << 20
LARGEST_N = 1 << 40
SHOWN = 60
DAMAGED = "the stored row cannot be read: "
REPLAYS_DAMAGED = """
SELECT 1 FROM main.replays
WHERE typeof(n) <> 'integer' OR typeof(jobs) <> 'integer' OR typeof(outcome) <> 'text' OR typeof(replayed) <> 'text'
OR outcome_agrees NOT IN (0, 1) OR events_agree NOT IN (0, 1) OR typeof(difference) NOT IN ('text', 'null')
"""
META_DAMAGED = "SELECT 1 FROM main.meta WHERE typeof(key) <> 'text' OR typeof(value) <> 'text' OR NOT json_valid(value)"


def guard(db: sqlite3.Connection) -> None:
    """Let texts come out neutral, and no cell be larger than any campaign makes it."""
    db.text_factory = neutral_bytes
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CELL_BYTES)
    db.create_function("told", 1, told, deterministic=True)


def told(value: object) -> str:
    """A value as a reason shows it."""
    return in_short(repr(value), SHOWN)


def refuse_other_schema(directory: Path, db: sqlite3.Connection) -> None:
    """Refuse views, triggers and virtual tables, which run somebody's SQL when they are read. Raises: UsageError."""
    for kind, name, sql in db.execute("SELECT type, name, sql FROM main.sqlite_master"):
        if kind not in ("table", "index") or str(sql).upper().startswith("CREATE VIRTUAL"):
            raise UsageError(f"{directory} holds a {kind} named {told(name)}, which no campaign makes: it is not read")


def look_at_values(directory: Path, db: sqlite3.Connection, *, readonly: bool) -> None:
    """Read damaged rows as void trials from here on.

    Raises: UsageError for other damage, and for any if the file is to be changed.
    """
    present = {name for _, name, *_ in db.execute("PRAGMA main.table_info(trials)")}
    wrong = {column.name: misfit(column) for column in COLUMNS if column.name in present and misfit(column)}
    tables = {name for (name,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
    elsewhere = [sql for name, sql in (("replays", REPLAYS_DAMAGED), ("meta", META_DAMAGED)) if name in tables]
    unnumbered = f"SELECT 1 FROM main.trials WHERE typeof(n) <> 'integer' OR n < 0 OR n > {LARGEST_N}"
    if any(db.execute(f"{sql} LIMIT 1").fetchone() for sql in (unnumbered, *elsewhere)):
        raise UsageError(f"{directory} holds values that no campaign writes: its file is damaged")
    first = db.execute(f"SELECT n, {reason(wrong)} FROM main.trials WHERE {either(wrong)} LIMIT 1").fetchone()
    if first is None:
        return
    if not readonly:
        raise UsageError(f"{directory} is damaged at trial {first[0]}: {first[1].removesuffix(', ')}")
    db.execute("DROP VIEW IF EXISTS temp.trials")
    db.execute(f"CREATE TEMP VIEW trials AS SELECT {', '.join(sound(column, present, wrong) for column in COLUMNS)} "
               "FROM main.trials")  # fmt: skip


def either(wrong: Mapping[str, str]) -> str:
    """The condition under which a row is damaged."""
    return " OR ".join(f"({condition})" for condition in wrong.values())


def reason(wrong: Mapping[str, str]) -> str:
    """The expression that tells the damage of a row."""
    found = " || ".join(f"CASE WHEN {is_so} THEN ', {name} is ' || told({name}) ELSE '' END"
                        for name, is_so in wrong.items())  # fmt: skip
    return f"'{DAMAGED}' || substr({found}, 3)"


def sound(column: Column, present: set[str], wrong: Mapping[str, str]) -> str:
    """The expression for a column of the view: nothing of a damaged row but its number and the reason."""
    name = column.name
    if name not in present:
        return f"NULL AS {name}"
    blank = {"n": "n", "plan": "plan", "void": reason(wrong), "attempts": "0"}.get(name)
    if blank is None:
        blank = "''" if column.sql == "TEXT NOT NULL" else "NULL"
    return f"CASE WHEN {either(wrong)} THEN {blank} ELSE {name} END AS {name}"


def misfit(column: Column) -> str:
    """The condition under which a column's value is none that a campaign writes; "" for what is read with care."""
    return " OR ".join(misfits(column))


def misfits(column: Column) -> Iterator[str]:
    """The points in which a value may be none that a campaign writes, as SQL."""
    name = column.name
    if column.role is Role.TRIAL and name not in ("n", "plan"):
        yield f"{name} IS NULL"
    if column.dtype == OUTCOME:
        yield f"{name} NOT IN ({quoted(outcome.name for outcome in Outcome)})"
    elif name == "ending":
        yield f"{name} NOT IN ({quoted(ending.value for ending in Ending)})"
        yield f"{name} IS NULL AND void IS NULL"
    elif column.dtype == "string":
        yield f"typeof({name}) NOT IN ('text', 'null')"
        yield f"length({name}) > {TEXT_CHARACTERS}"
    elif column.dtype == "boolean":
        yield f"{name} NOT IN (0, 1)"
    elif column.dtype in ("Int64", "int64") and name != "n":
        yield f"typeof({name}) NOT IN ('integer', 'null')"
    elif column.dtype == "Float64":
        yield f"typeof({name}) NOT IN ('integer', 'real', 'null')"
        yield f"abs({name}) > {SECONDS}"


def quoted(names: Iterator[str]) -> str:
    """Names as a list of SQL's texts."""
    return ", ".join(f"'{name}'" for name in names)
