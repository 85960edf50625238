"""Events and consoles as they are stored: zlib, events as JSON."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from faultkit.model.errors import BadRecord
from faultkit.model.events import Event
from faultkit.model.received import EVENTS, stored_event
from faultkit.model.texts import neutral_bytes
from faultkit.store import moved

EVENTS_BYTES = 96 << 20  # unpacked; a guest has room for a third of it
CONSOLE_BYTES = 32 << 20
PLAN_BYTES = 4 << 20


def pack_events(events: Iterable[Event]) -> bytes:
    """Events as they are stored."""
    rows = [[e.t_ns, e.source, e.kind, dict(e.data)] for e in events]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=6)


def unpack_events(packed: bytes | None) -> tuple[Event, ...]:
    """Events as they were packed; none for a void trial. Raises: BadRecord."""
    with decoding("the events"):
        return as_events(json.loads(bounded(inflated(packed, EVENTS_BYTES)))) if packed else ()


def as_events(rows: Any) -> tuple[Event, ...]:
    """Stored rows as events; what is none becomes one that says so. Raises: ValueError for no list of rows."""
    if not isinstance(rows, list) or len(rows) > EVENTS:
        raise ValueError("they are no list, or a list without an end")
    events: list[Event] = []
    last_ns = 0
    for row in rows:
        events.append(stored_event(row, last_ns))
        last_ns = events[-1].t_ns
    return tuple(events)


def bounded(text: bytes) -> str:
    """Stored JSON, which takes no more memory than that of a large trial. Raises: ValueError."""
    if text.count(b"[") + text.count(b"{") > 4 * EVENTS or text.count(b",") > 20 * EVENTS:
        raise ValueError(f"they hold more than those of {EVENTS} events")
    return text.decode()


def inflated(packed: bytes, limit: int) -> bytes:
    """The data as they were packed. Raises: ValueError beyond the limit: a few bytes may stand for gigabytes."""
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(packed, limit)
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError(f"they are cut short, or more than {limit >> 20} MiB")
    return data


def pack_text(text: str) -> bytes:
    """A console as it is stored."""
    return zlib.compress(text.encode())


def unpack_text(packed: bytes | None) -> str:
    """A console as it was packed; "" for a void trial. Raises: BadRecord."""
    with decoding("the console"):
        return neutral_bytes(inflated(packed, CONSOLE_BYTES)) if packed else ""


def plan_of(stored: str) -> dict[str, Any]:
    """A trial's plan, encoded, with the names that parts have today. Raises: BadRecord."""
    with decoding("the plan"):
        if len(stored) > PLAN_BYTES:
            raise ValueError(f"it has more than {PLAN_BYTES >> 20} MiB")
        found = moved.loads_today(stored)
        if not isinstance(found, dict):
            raise ValueError("it is no object")
        return found


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Decode a part of a trial. Raises: BadRecord in place of what zlib, JSON and data of another shape raise."""
    try:
        yield
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as reason:
        raise BadRecord(f"{name} of a trial cannot be read: {type(reason).__name__}: {reason!s:.200}") from None


def read_back(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events as a store would give them back: data became JSON."""
    return unpack_events(pack_events(events))
