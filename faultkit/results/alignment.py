"""Alignment of two time lines: events that only one of them has, and events at another time in the other.

Pure: events in, steps out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from faultkit.model.events import Event

DURATION = "_ns"  # how the names of durations in an event's data end: a matter of time, not of what happened
IDS = frozenset(
    {"pid", "tid", "port", "address", "old_pid", "new_pid"}
)  # names for a thing, which differ from run to run


@dataclass(frozen=True, slots=True)
class AlignedEvent:
    """One event as both time lines have it, or as one does; None: it has no such event."""

    first: Event | None
    second: Event | None

    @property
    def event(self) -> Event:
        """The event, as the first has it if it does."""
        return next(event for event in (self.first, self.second) if event is not None)

    @property
    def later_ns(self) -> int | None:
        """The delay of the second trial's event, in virtual nanoseconds; None if only one has it."""
        return None if self.first is None or self.second is None else self.second.t_ns - self.first.t_ns


def align(first: Sequence[Event], second: Sequence[Event], ignored: Collection[str] = ()) -> Iterator[AlignedEvent]:
    """Every event of both, once, in an order that is that of both.

    Two events are the same if source, kind and data are, but for durations and the data `ignored` by name. Longest
    common parts are matched first (Ratcliff and Obershelp, as in `difflib`); a shared start is never torn.
    """
    one, two = ([key(event, ignored) for event in line] for line in (first, second))
    start = alike_from_the_start(one, two)
    yield from map(AlignedEvent, first[:start], second[:start])
    for tag, a, b, c, d in SequenceMatcher(None, one[start:], two[start:], autojunk=False).get_opcodes():
        gone, come = first[start + a : start + b], second[start + c : start + d]
        if tag == "equal":
            yield from map(AlignedEvent, gone, come)
        else:
            yield from (AlignedEvent(event, None) for event in gone)
            yield from (AlignedEvent(None, event) for event in come)


def alike_from_the_start(one: Sequence[str], two: Sequence[str]) -> int:
    """The number of events that both begin with."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(two)))


def key(event: Event, ignored: Collection[str]) -> str:
    """The identity of an event, apart from its time and durations."""
    data = {name: v for name, v in event.data.items() if name not in ignored and not name.endswith(DURATION)}
    return json.dumps([event.source, event.kind, data], sort_keys=True)
