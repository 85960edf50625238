"""A fuzzer of files of results: sound ones, changed behind the store's back, and read by every command."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tempfile
import zlib
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from faultkit.store.columns import COLUMNS
from faultkit.store.database import FILE
from tests.fuzz.events import trials
from tests.fuzz.mutation import changed, drawn, torn
from tests.hostile import COMMANDS, ran, refuse_unless_sound, sound

PACKED = ("events", "console")
PLAIN = tuple(column.name for column in COLUMNS if column.name not in ("n", *PACKED))
READ_EACH = 4  # commands


@cache
def sound_file() -> bytes:
    """A file with a trial of every outcome."""
    with tempfile.TemporaryDirectory() as folder:
        directory = sound(Path(folder) / "run")
        with closing(sqlite3.connect(directory / FILE)) as db:
            db.execute("PRAGMA journal_mode=DELETE")
        return (directory / FILE).read_bytes()


def a_case(draw: random.Random) -> bytes:
    """A file with other values in it, torn events, or other bytes anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_bytes(sound_file())
        with closing(sqlite3.connect(file)) as db:
            for _ in range(draw.choice((0, 1, 1, 2, 4))):
                change(db, draw)
            db.commit()
        data = file.read_bytes()
    return torn(data, draw) if draw.random() < 0.3 else data


def change(db: sqlite3.Connection, draw: random.Random) -> None:
    """Change one value of one trial, or one fact about the campaign."""
    numbers = [n for (n,) in db.execute("SELECT n FROM trials")]
    n, name = draw.choice(numbers), draw.choice((*PLAIN, *PACKED, *PACKED, "plan", "plan", "meta"))
    try:
        if name == "meta":
            key, value = draw.choice(db.execute("SELECT key, value FROM meta").fetchall())
            db.execute("UPDATE meta SET value = ? WHERE key = ?", (other_json(value, draw), key))
            return
        (value,) = db.execute(f"SELECT {name} FROM trials WHERE n = ?", (n,)).fetchone()  # noqa: S608
        db.execute(f"UPDATE trials SET {name} = ? WHERE n = ?", (other(name, value, draw), n))  # noqa: S608
    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
        return


def other(name: str, value: Any, draw: random.Random) -> Any:
    """Another value for a column."""
    if name == "events":
        events = changed(draw.choice(trials()), draw, draw.choice(trials()))
        packed = zlib.compress(json.dumps(events).encode())
        return torn(packed, draw, 2) if draw.random() < 0.2 else packed
    if name == "console":
        text = torn(zlib.decompress(value) if value else b"", draw)
        return zlib.compress(text) if draw.random() < 0.8 else text
    if name in ("plan", "lost") and isinstance(value, str):
        return other_json(value, draw)
    found = drawn(draw, 0)
    return value + 1 if isinstance(value, int) and draw.random() < 0.3 else found


def other_json(text: str, draw: random.Random) -> str:
    """A text of JSON that holds something else, or is none any more."""
    if draw.random() < 0.2:
        return torn(text.encode(), draw, 3).decode(errors="replace")
    return json.dumps(changed(json.loads(text), draw))


def check(case: bytes, draw: random.Random) -> None:
    """Read a file with some of the commands. Raises: AssertionError, and whatever should not come up."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "run"
        for command in draw.sample(COMMANDS, READ_EACH):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            (directory / FILE).write_bytes(case)
            refuse_unless_sound(ran(list(command), directory))
