"""Events and messages from a guest, which may be an enemy's: read by one decoder that builds plain data only.

Each event has one of the kinds in `faultkit.model.vocabulary`, with its fields and types, or a kind of a user's own.
Sizes and depth have limits, and so has the number of events. What does not fit becomes an event of its own
(`mailbox.garbled`), with its place and its first bytes: nothing behind this module sees the rest.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from faultkit.model.errors import HarnessError, NotPlaced
from faultkit.model.events import Event, Kind
from faultkit.model.mailbox import LINE_BYTES
from faultkit.model.texts import neutral
from faultkit.model.vocabulary import problems, unreadable

DEPTH = 8  # of the data of one event
VALUES = 4096  # in the data of one event
EVENTS = 400_000  # of one trial; as many of the shortest ones fit into the mailbox
NOTED = 100  # as many garbled pieces of a trial get an event each
LATEST_NS = 1 << 53  # 104 days
LONGEST_NS = 1 << 62  # in files of results
NAMED = 200  # the most characters of a source or kind in files of results
LARGEST = 1 << 64  # addresses are below
FEW = 32  # values that are read at once, if they are simple
QUICK = frozenset({type(None), bool})
HOPELESS = 10_000  # behind as many, the rest of the log is left out
FIRST_BYTES = 48
TEXT = 500  # the most characters of a guest's complaint that are told
NAME = re.compile(r"[A-Za-z_][\w.:-]{0,79}")
END_OF_TIME = (1 << 62) - 1  # QEMU gives no time for a stop of the guest's own: sorted last


def loads_plain(text: bytes | str) -> Any:
    """JSON as plain data, within the limits. Raises: ValueError that tells the first point that does not fit."""
    try:
        found = json.loads(text if isinstance(text, str) else text.decode(), parse_constant=no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return plain(found)


def no_number(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which are no JSON. Raises: ValueError."""
    raise ValueError(f"{name} is no number")


def plain(value: Any, depth: int = DEPTH) -> Any:
    """A copy made of None, bools, numbers, texts, lists, and objects with texts as keys. Raises: ValueError."""
    if type(value) is dict and len(value) <= FEW and (found := flat(value)) is not None:
        return found
    if (count := values_in(value)) > VALUES:
        raise ValueError(f"it holds {count} values")
    return copied(value, depth)


def flat(data: dict[Any, Any]) -> dict[str, Any] | None:
    """A copy of an object that holds simple values only, as most do; None if it must be looked at more closely."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        kind = type(value)
        if type(key) is not str or not key.isprintable():
            return None
        if (kind is str and value.isprintable()) or kind in QUICK or (kind is int and -LARGEST <= value <= LARGEST):
            found[key] = value
        else:
            return None
    return found


def values_in(value: Any) -> int:
    """The number of values in a container, at any depth, or a number above the limit."""
    count, left = 0, [value]
    while left and count <= VALUES:
        each = left.pop()
        inner = each.values() if isinstance(each, Mapping) else each if isinstance(each, (list, tuple)) else ()
        count += 1 + len(inner)
        left.extend(item for item in inner if isinstance(item, (Mapping, list, tuple)))
    return count


def copied(value: Any, depth: int) -> Any:
    """The same as plain data. Raises: ValueError."""
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if not -LARGEST <= value <= LARGEST:
            raise ValueError("a number is too large")
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    if value is None or isinstance(value, (bool, float)):
        return value
    if depth <= 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, (list, tuple)):
        return [copied(item, depth - 1) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {neutral(key): copied(item, depth - 1) for key, item in value.items()}
    raise ValueError(f"a {type(value).__name__} is no plain data")


def checked(t_ns: Any, source: Any, kind: Any, data: Any) -> Event:
    """An event of the vocabulary, or of a user's own. Raises: ValueError that tells the first point that is not."""
    event = shaped(t_ns, source, kind, data)
    if found := problems(event):
        raise ValueError(in_short(found[0], TEXT))
    return event


def shaped(t_ns: Any, source: Any, kind: Any, data: Any) -> Event:
    """An event with a time, two names and plain data. Raises: ValueError that tells the first point that is not."""
    if not isinstance(t_ns, int) or isinstance(t_ns, bool) or not (0 <= t_ns <= LATEST_NS or t_ns == END_OF_TIME):
        raise ValueError(f"its time is {in_short(t_ns)}")
    for name, value in (("source", source), ("kind", kind)):
        if not isinstance(value, str) or not is_name(value):
            raise ValueError(f"its {name} is {in_short(value)}")
    if not isinstance(data, Mapping):
        raise ValueError(f"its data are {in_short(data)}")
    return Event(t_ns, source, kind, plain(data))


@lru_cache(maxsize=4096)
def is_name(text: str) -> bool:
    """True for a text that can name a source or a kind."""
    return NAME.fullmatch(text) is not None


def stored_event(row: Any, last_ns: int) -> Event:
    """An event of a file of results, which an earlier version may have written; what nobody can read, as garbled.

    Names may be any texts, and numbers that JSON does not know become texts.
    """
    try:
        if not isinstance(row, list) or len(row) != 4:
            raise ValueError("it is no list of time, source, kind and data")
        t_ns, source, kind, data = row
        if not (type(t_ns) is int and 0 <= t_ns <= LONGEST_NS and isinstance(source, str) and isinstance(kind, str)):
            raise ValueError("it has no time, source and kind")
        if not isinstance(data, dict):
            raise ValueError(f"its data are {in_short(data)}")
        found = flat(data) if len(data) <= FEW else None
        data = plain(finite(data)) if found is None else found
        source, kind = neutral(source[:NAMED]), neutral(kind[:NAMED])
        event = Event(t_ns, source, kind, data)
        if reason := unreadable(event):
            raise ValueError(reason)
    except (ValueError, RecursionError) as reason:
        return garbled(last_ns, "a stored event", in_short(row), str(reason))
    return event


def finite(value: Any) -> Any:
    """The same data, with texts in place of numbers that JSON does not know, and of those beyond 64 bits."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return hex(value) if isinstance(value, int) and not -LARGEST <= value <= LARGEST else value


def in_short(value: Any, limit: int = FIRST_BYTES) -> str:
    """The beginning of a value, printable and in one line."""
    if isinstance(value, bytes):
        value = value[:limit].decode(errors="replace")
    text = value[:limit] if isinstance(value, str) else repr(value)[:limit]
    return "".join(c if c.isprintable() else "?" for c in text)


@dataclass(slots=True)
class Intake:
    """The events of a trial, as they come in: each as it should be, or noted as garbled."""

    events: list[Event] = field(default_factory=list)
    garbled: int = 0
    last_ns: int = 0  # the time of the last event that was read

    def take_lines(self, lines: Iterable[bytes], *, reserved: Collection[str]) -> None:
        """Take the lines of a guest's log. Sources that are `reserved` cannot come from there."""
        for line in lines:
            if self.garbled >= HOPELESS:
                return
            try:
                self._add(logged(line, reserved))
            except ValueError as reason:
                self.note("a line of the log", line, str(reason))

    def take(self, event: Event, place: str) -> None:
        """Take an event that was made on the host out of what the guest holds."""
        try:
            self._add(checked(event.t_ns, event.source, event.kind, event.data))
        except ValueError as reason:
            self.note(place, in_short((event.kind, event.data)), str(reason))

    def note(self, place: str, first: bytes | str, why: str) -> None:
        """Note a garbled piece; of those beyond the first 100 there is only the number."""
        self.garbled += 1
        if self.garbled <= NOTED:
            self.events.append(garbled(self.last_ns, place, first, why))

    def end(self) -> list[Event]:
        """All events; the last tells of the garbled pieces that have none of their own."""
        if self.garbled > NOTED:
            more = f"{self.garbled - NOTED} more"
            self.events.append(garbled(self.last_ns, "anywhere", "", more))
        return self.events

    def _add(self, event: Event) -> None:
        if len(self.events) >= EVENTS:
            raise ValueError(f"a trial has at most {EVENTS} events")
        self.events.append(event)
        if event.t_ns != END_OF_TIME:
            self.last_ns = event.t_ns


def logged(line: bytes, reserved: Collection[str]) -> Event:
    """The event in a line of the log. Raises: ValueError."""
    if len(line) > LINE_BYTES:
        raise ValueError(f"it has {len(line)} bytes")
    found = loads_plain(line)
    if not isinstance(found, list) or len(found) != 4:
        raise ValueError("it is no list of time, source, kind and data")
    event = checked(*found)
    if event.source in reserved:
        raise ValueError(f"{event.source!r} is no source in a guest")
    return event


def garbled(t_ns: int, place: str, first: bytes | str, why: str) -> Event:
    """The event that tells of a garbled piece."""
    data = {"place": in_short(place, TEXT), "first": in_short(first), "why": in_short(why, TEXT)}
    return Event(t_ns, "host", Kind.MAILBOX_GARBLED, data)


def lost_of(text: str, names: Collection[str]) -> dict[str, int]:
    """The final message: events that each of these monitors, and the agent, have lost. Raises: ValueError."""
    found = loads_plain(text)
    lost = found.get("lost") if isinstance(found, dict) else None
    if not isinstance(lost, dict) or not lost.keys() <= {*names, "agent"}:
        raise ValueError("it is no count of lost events by monitor")
    if not all(type(count) is int and count >= 0 for count in lost.values()):
        raise ValueError("a count of lost events is no number")
    return lost


def complaint_of(text: str) -> tuple[str, str]:
    """The kind of error with which an agent ended, and its text; "" and the beginning of a text that is garbled."""
    try:
        found = loads_plain(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("error"), str) and isinstance(found.get("kind"), str):
        return in_short(found["kind"]), in_short(found["error"], TEXT)
    return "", f"the guest's agent failed, and its report cannot be read: {in_short(text)!r}"


def failure_of(text: str) -> HarnessError:
    """The error with which an agent ended, as the host raises it."""
    kind, told = complaint_of(text)
    return (NotPlaced if kind == NotPlaced.__name__ else HarnessError)(told)
