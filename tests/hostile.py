"""Files of results as an enemy would make them, each from a sound one. Made by code: none lies in the repository."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from faultkit.cli import cli
from faultkit.model.errors import FaultkitError
from faultkit.model.texts import ODD
from faultkit.running.judging import keep_all
from faultkit.store.database import FILE
from faultkit.store.store import Store
from tests.records import EVENTS_OF, a_golden_row, a_row
from tests.synthetic import meta

Attack = Callable[[sqlite3.Connection], Any]
GIBIBYTE = 1 << 30
ORDER = "\x1b]0;taken\x07\x1b[2J[/dev/nbd0][red]\u202e<a href='https://example.org'>x</a>=cmd|'/C calc'!A0"


COMMANDS = (
    ["show"], ["show", "--json"], ["show", "--phases"], ["show", "--fingerprint"], ["show", "2"],
    ["show", "2", "--json"], ["show", "2", "--all"], ["compare", "{}"], ["compare", "{}", "--json"],
    ["gate", "--rule", "no CORRUPT"], ["gate", "--rule", "no new crash signature", "--json"], ["export"], ["judge"],
)  # fmt: skip


def ran(command: list[str], directory: Path) -> Result:
    """Run a command on some results."""
    name, *rest = command
    words = [name, str(directory), *(str(directory) if word == "{}" else word for word in rest)]
    return CliRunner().invoke(cli, words, standalone_mode=False)


def refuse_unless_sound(done: Result) -> None:
    """Check that a command ended well, or with one line; with neutral texts in both cases."""
    if done.exception is not None:
        assert isinstance(done.exception, FaultkitError), repr(done.exception)
        assert "\n" not in str(done.exception) and len(str(done.exception)) < 1500
    assert not ODD.search(str(done.exception or "") + done.output)


def sound(directory: Path) -> Path:
    """A store with a trial of every outcome, and a golden one."""
    with Store.create(directory, meta(9)) as store:
        keep_all(store, [*(a_row(n, *events) for n, events in enumerate(EVENTS_OF.values())), a_golden_row(20)])
    return directory


def hostile(directory: Path, name: str) -> Path:
    """The same after an attack, behind the store's back."""
    sound(directory)
    with closing(sqlite3.connect(directory / FILE)) as db:
        ATTACKS[name](db)
        db.commit()
    return directory


def column(name: str, value: Any, n: int | None = 2) -> Attack:
    """A value in a column of one trial, or of all."""
    where = "" if n is None else f"WHERE n = {n}"
    return lambda db: db.execute(f"UPDATE trials SET {name} = ? {where}", (value,))  # noqa: S608


def fact(key: str, value: Any) -> Attack:
    """A value of a fact about the campaign, as JSON."""
    return lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))


def events(rows: Any) -> Attack:
    """These events of all trials, whatever they are."""
    text = rows if isinstance(rows, str) else json.dumps(rows)
    return column("events", zlib.compress(text.encode()), None)


def plan(**fields: Any) -> Attack:
    """Other fields in the plans of all trials."""

    def change(db: sqlite3.Connection) -> None:
        for n, stored in db.execute("SELECT n, plan FROM trials").fetchall():
            db.execute("UPDATE trials SET plan = ? WHERE n = ?", (json.dumps(json.loads(stored) | fields), n))

    return change


def script(text: str) -> Attack:
    """Some SQL."""
    return lambda db: db.executescript(text)


def bomb() -> bytes:
    """A gibibyte of zeros in a mebibyte."""
    packing = zlib.compressobj(9)
    return b"".join(packing.compress(bytes(1 << 20)) for _ in range(GIBIBYTE >> 20)) + packing.flush()


def inflated(name: str) -> Attack:
    """A column whose few bytes stand for a gibibyte."""
    return lambda db: db.execute(f"UPDATE trials SET {name} = ? WHERE n = 2", (bomb(),))  # noqa: S608


NAMES = ("driver", "injector", "trigger", "policy", "workload", "target", "fault_type", "function", "crash_function")
ATTACKS: Mapping[str, Attack] = {
    **{f"an order as the {name}": column(name, ORDER, None) for name in (*NAMES, "void", "unjudged", "detected_by")},
    **{f"an order as the {key}": fact(key, ORDER) for key in ("experiment", "question", "command", "kernel", "qemu")},
    "a version that is no JSON": script("UPDATE meta SET value = 'x' WHERE key = 'version'"),
    "a version that is bytes": script("UPDATE meta SET value = x'ff' WHERE key = 'version'"),
    "half a character in a fact": fact("experiment", "\ud800"),
    "orders in events": events([[1, ORDER, ORDER, {ORDER: ORDER, "by": ORDER}]]),
    "half characters in events": events('[[1, "\\ud800", "\\udfff.x", {"\\ud800": "\\udfff"}]]'),
    "orders on the console": column("console", zlib.compress(ORDER.encode()), None),
    "a console that is no text": column("console", zlib.compress(b"\xff\xfe\x80"), None),
    "a kind that is none": events([[1, "agent", None, {}]]),
    "a kind that is a number": events([[1, "agent", 7, {}]]),
    "a kind that is a list": events([[1, "agent", ["x"], {}]]),
    "a time that is NaN": events('[[NaN, "agent", "trial.started", {}]]'),
    "a time beyond all times": events([[1 << 70, "agent", "trial.started", {}]]),
    "a time before all times": events([[-(1 << 62), "agent", "trial.started", {}]]),
    "NaN in an event": events('[[1, "workload", "request.completed", {"n": 1, "op": "r", "latency_ns": NaN}]]'),
    "a detection without by": events([[1, "recovery", "error.detected", {}]]),
    "a step without a name": events([[1, "recovery", "recovery.step", {}]]),
    "a completion without latency": events([[1, "workload", "request.completed", {"n": 1}]]),
    "references that are a list": events([[1, "resources", "resources.sampled", {"module_refs": [1]}]] * 2),
    "events that are no list": events({"a": 1}),
    "events that are too deep": events("[" * 100_000),
    "an event that is too deep": events(f'[[1, "a", "b.c", {{"x": {"[" * 500}{"]" * 500}}}]]'),
    "events that are torn": column("events", b"\x78\x9c\x01", None),
    "events that are text": column("events", "text", None),
    "events that unpack to a gibibyte": inflated("events"),
    "a console that unpacks to a gibibyte": inflated("console"),
    "an outcome that is not known": column("outcome", "EXPLODED"),
    "an outcome that is a number": column("outcome", 7),
    "an ending that is not known": column("ending", "vanished"),
    "no ending": column("ending", None),
    "an interval in words": column("recovery_ns", "soon"),
    "an interval without an end": column("recovery_ns", 1e300),
    "host time without an end": column("wall_s", 9e999),
    "losses that are a list": column("lost", "[1]", None),
    "losses that are no JSON": column("lost", "{", None),
    "a plan that is a list": column("plan", "[]", None),
    "a plan that is no JSON": column("plan", "{", None),
    "a plan that is too deep": column("plan", "[" * 100_000, None),
    "a plan of nothing": column("plan", "{}", None),
    "a workload of another shape": plan(workload=[1, 2]),
    "a workload with texts for numbers": plan(workload={"is": "tests.records:Writes", "late_s": "x", "deadline_s": {}}),
    "a driver that is a function": plan(driver={"is": "os:system", "command": "true"}),
    "a driver that is a process": plan(driver={"is": "subprocess:Popen", "args": ["true"]}),
    "a fault that names no class": plan(fault={"is": 7}),
    "a fault whose class is a list": plan(fault={"is": []}),
    "a fault with a class in a list of its fields": plan(fault={"is": "tests.records:Both", "faults": [{"is": [1]}]}),
    "a field with line ends": plan(**{"a\nb\r": 1}),
    "a field without an end": plan(**{"x" * 100_000: 1}),
    "a fault that is a text": plan(fault="kill"),
    "a site of another shape": plan(fault={"is": "faultkit.model.code:Site", "function": []}),
    "detectors in words": plan(detectors={"is": "faultkit.model.trial:Detectors", "beat_s": "x", "deadline_s": []}),
    "a trigger with an endless interval": plan(trigger={"is": "mine:Every", "interval_s": 1e308}),
    "a module that is not there": plan(policy={"is": "no.such.module:Policy"}),
    "a recipe of another shape": fact("templates", {"t1": [1, 2]}),
    "recipes that are a list": fact("templates", ["t1"]),
    "a seed in words": fact("seed", "one"),
    "a plan's length in words": fact("planned", "many"),
    "a stop of another shape": fact("stop", {"is": ["x"]}),
    "a decision of another shape": fact("decision", [ORDER]),
    "interference of another shape": fact("interference", "none"),
    "times of another shape": fact("wall_s", {"s": 1}),
    "a fact that is no JSON": script("UPDATE meta SET value = '{' WHERE key = 'seed'"),
    "a version that is a list": script("UPDATE meta SET value = '[]' WHERE key = 'version'"),
    "a view in place of the trials": script(
        "ALTER TABLE trials RENAME TO kept; CREATE VIEW trials AS SELECT * FROM kept"),
    "a view that never ends": script(
        "DROP TABLE meta; CREATE VIEW meta AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) "
        "SELECT 'version' AS key, i AS value FROM c"),
    "a trigger": script("CREATE TRIGGER t AFTER UPDATE ON trials BEGIN DELETE FROM meta; END"),
    "tables that are swapped": script(
        "ALTER TABLE trials RENAME TO kept; ALTER TABLE meta RENAME TO trials; ALTER TABLE kept RENAME TO meta"),
    "trials and replays that are swapped": script(
        "ALTER TABLE trials RENAME TO kept; ALTER TABLE replays RENAME TO trials; ALTER TABLE kept RENAME TO replays"),
    "no trials": script("DELETE FROM trials"),
    "no table of replays": script("DROP TABLE replays"),
    "replays in words": script("INSERT INTO replays VALUES ('a', 'b', 'c', 'd', 'e', NULL, 'f')"),
    "trials with texts for numbers": script(
        "CREATE TABLE t AS SELECT * FROM trials; DROP TABLE trials; ALTER TABLE t RENAME TO trials; "
        "UPDATE trials SET n = 'two' WHERE n = 2"),
    "a trial of a number beyond all lists": script("UPDATE trials SET n = 9223372036854775807 WHERE n = 2"),
}  # fmt: skip
