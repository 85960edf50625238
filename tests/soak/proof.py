"""The proof that a harmed campaign came to the results of one that nobody disturbed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

from faultkit.model.errors import FaultkitError
from faultkit.store.database import FILE
from faultkit.store.packing import unpack_events

COMPARED = ("plan", "outcome", "ending", "events", "console", "lost", "void")
Rows = Mapping[int, tuple[Any, ...]]


def rows(out: Path) -> list[tuple[Any, ...]]:
    """The stored trials as they are: number, and what is compared. Not a row if there is no store yet."""
    if not (out / FILE).exists():
        return []
    with closing(sqlite3.connect(f"file:{out / FILE}?mode=ro", uri=True)) as db:
        return list(db.execute(f"SELECT n, {', '.join(COMPARED)} FROM trials ORDER BY n"))  # noqa: S608


def valid(found: list[tuple[Any, ...]]) -> int:
    """The number of trials that are not void."""
    return sum(row[1 + COMPARED.index("void")] is None for row in found)


def differences(found: list[tuple[Any, ...]], undisturbed: list[tuple[Any, ...]]) -> list[str]:
    """A line for each trial that is lost, doubled, or not as in the undisturbed run."""
    counts = Counter(row[0] for row in found)
    wanted = {row[0]: row for row in undisturbed}
    wrong = [f"trial {n} is stored {count} times" for n, count in counts.items() if count != 1]
    wrong += [f"trial {n} is lost" for n in wanted.keys() - counts.keys()]
    for row in found:
        if row[0] not in wanted:
            wrong.append(f"trial {row[0]} was never planned")
        elif row != wanted[row[0]]:
            wrong.append(f"trial {row[0]}: {difference(row, wanted[row[0]])}")
    return wrong


def difference(row: tuple[Any, ...], wanted: tuple[Any, ...]) -> str:
    """The columns in which two rows differ, with their values in short, or the first events that differ."""
    pairs = zip(COMPARED, row[1:], wanted[1:], strict=True)
    return ", ".join(f"{name} {in_short(*first_of(name, a, b))}" for name, a, b in pairs if a != b)


def first_of(name: str, value: Any, wanted: Any) -> tuple[Any, Any]:
    """Two values of a column; of events, the first ones that differ."""
    if name != "events":
        return value, wanted
    try:
        pairs = zip_longest(unpack_events(value), unpack_events(wanted))
        return next((one, other) for one, other in pairs if one != other)
    except (FaultkitError, StopIteration):  # they are torn, or the same in another packing
        return len(value or b""), len(wanted or b"")


def in_short(value: Any, wanted: Any) -> str:
    """Two values that differ."""
    return f"{value!r:.300} in place of {wanted!r:.300}"


def changed(before: list[tuple[Any, ...]], now: list[tuple[Any, ...]]) -> list[str]:
    """A line for each trial that was stored for good and has changed or gone. A void one may be run again, and one
    without its verdict may get it."""
    present = {row[0]: row for row in now}
    outcome, void = 1 + COMPARED.index("outcome"), 1 + COMPARED.index("void")
    wrong = []
    for row in before:
        new = present.get(row[0])
        if new is None:
            wrong.append(f"trial {row[0]} is gone")
        elif row[void] is None and new != row and (*row[:outcome], new[outcome], *row[outcome + 1 :]) != new:
            wrong.append(f"trial {row[0]} has changed: {difference(new, row)}")
    return wrong
