"""The tables of a results' file, as text: what `faultkit.store.store` reads and writes.

A column that is added here is added to older files, and filled, by `faultkit judge`.
"""

from __future__ import annotations

from collections.abc import Mapping

VERSION = 1  # raised only if older files cannot be brought up to date

TRIALS: Mapping[str, str] = {
    "n": "INTEGER PRIMARY KEY",  # position in the experiment's list, from 0
    "plan": "TEXT NOT NULL",  # the trial as JSON, its fault's site settled
    "driver": "TEXT NOT NULL",
    "injector": "TEXT NOT NULL",
    "trigger": "TEXT NOT NULL",
    "policy": "TEXT NOT NULL",
    "workload": "TEXT NOT NULL",
    "target": "TEXT",  # the function or region that the fault went into
    "side": "TEXT",  # what the fault belongs to: see faultkit.verdict.strata
    "fault_type": "TEXT",
    "function": "TEXT",
    "template": "TEXT NOT NULL",  # address of the template it was forked from
    "attempts": "INTEGER NOT NULL",  # runs until one was valid
    "void": "TEXT",  # why there is no valid run; NULL for a valid trial
    "ending": "TEXT",
    "wall_s": "REAL",
    "guest_s": "REAL",
    "outcome": "TEXT",
    "injected": "INTEGER",
    "activated": "INTEGER",
    "manifested": "INTEGER",
    "detected_by": "TEXT",
    "udriver_died": "INTEGER",
    "kdriver_reloaded": "INTEGER",
    "leaked": "INTEGER",
    "warned": "INTEGER",
    "recoveries": "INTEGER",
    "failures": "INTEGER",
    "undetected": "INTEGER",
    "activation_latency_ns": "INTEGER",
    "detection_latency_ns": "INTEGER",
    "recovery_ns": "INTEGER",
    "outage_ns": "INTEGER",
    "crash_kind": "TEXT",
    "crash_function": "TEXT",
    "lost": "TEXT",  # monitor -> events it could not keep
    "events": "BLOB",  # zlib, of JSON [t_ns, source, kind, data]
    "console": "BLOB",  # zlib
}
JUDGED = (
    "outcome", "injected", "activated", "manifested", "detected_by", "udriver_died", "kdriver_reloaded", "leaked",
    "warned", "recoveries", "failures", "undetected", "activation_latency_ns", "detection_latency_ns", "recovery_ns",
    "outage_ns", "crash_kind", "crash_function",
)  # fmt: skip

REPLAYS: Mapping[str, str] = {
    "n": "INTEGER NOT NULL",  # the trial that was run again
    "jobs": "INTEGER NOT NULL",  # how many at a time
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


def add(table: str, column: str) -> str:
    """The statement that adds a column to a table with rows."""
    kind = TABLES[table][column].removesuffix(" NOT NULL")
    return f"ALTER TABLE {table} ADD COLUMN {column} {kind}"
