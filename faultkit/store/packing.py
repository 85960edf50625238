"""Events and consoles as they are stored: zlib, events as JSON."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from faultkit.model.errors import BadRecord
from faultkit.model.events import Event
from faultkit.store import moved


def pack_events(events: Iterable[Event]) -> bytes:
    """Events as they are stored."""
    rows = [[e.t_ns, e.source, e.kind, dict(e.data)] for e in events]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=6)


def unpack_events(packed: bytes | None) -> tuple[Event, ...]:
    """Events as they were packed; none for a void trial. Raises: BadRecord."""
    with decoding("the events"):
        return tuple(Event(*row) for row in json.loads(zlib.decompress(packed))) if packed else ()


def pack_text(text: str) -> bytes:
    """A console as it is stored."""
    return zlib.compress(text.encode())


def unpack_text(packed: bytes | None) -> str:
    """A console as it was packed; "" for a void trial. Raises: BadRecord."""
    with decoding("the console"):
        return zlib.decompress(packed).decode() if packed else ""


def plan_of(stored: str) -> dict[str, Any]:
    """A trial's plan, encoded, with the names that parts have today. Raises: BadRecord."""
    with decoding("the plan"):
        return dict(moved.loads_today(stored))


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Decode a part of a trial. Raises: BadRecord in place of what zlib, JSON and data of another shape raise."""
    try:
        yield
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError) as reason:
        raise BadRecord(f"{name} of a trial cannot be read: {type(reason).__name__}: {reason}") from None


def read_back(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events as a store would give them back: data became JSON."""
    return unpack_events(pack_events(events))
