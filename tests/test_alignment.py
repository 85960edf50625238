"""Two time lines, event against event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.events import Event
from faultkit.results.alignment import AlignedEvent, align

EVENTS = st.builds(
    Event, st.integers(0, 9), st.just("agent"), st.sampled_from("abc"), st.dictionaries(st.just("n"), st.integers(0, 1))
)
LINES = st.lists(EVENTS, max_size=12)


def at(t_ns: int, kind: str, **data: object) -> Event:
    """An event of one source."""
    return Event(t_ns, "agent", kind, data)


@given(LINES, LINES)
def test_every_event_of_both_is_there_once_and_in_order(one: list[Event], two: list[Event]) -> None:
    steps = list(align(one, two))
    assert [step.first for step in steps if step.first] == one
    assert [step.second for step in steps if step.second] == two
    assert all(step.event.kind == (step.second or step.event).kind for step in steps)


@given(LINES)
def test_a_time_line_does_not_differ_from_itself(line: list[Event]) -> None:
    assert [step.later_ns for step in align(line, line)] == [0] * len(line)


def test_what_one_lacks_and_what_comes_later_are_told_apart() -> None:
    one, two = [at(1, "a"), at(2, "b"), at(3, "c")], [at(1, "a"), at(8, "c"), at(9, "d")]
    assert list(align(one, two)) == [
        AlignedEvent(one[0], two[0]), AlignedEvent(one[1], None),
        AlignedEvent(one[2], two[1]), AlignedEvent(None, two[2]),
    ]  # fmt: skip
    assert [step.later_ns for step in align(one, two)] == [0, None, 5, None]


def test_durations_do_not_tell_events_apart_and_ids_only_if_they_are_not_ignored() -> None:
    one, two = [at(1, "a", pid=3, took_ns=5)], [at(1, "a", pid=4, took_ns=6)]
    assert len(list(align(one, two))) == 2
    assert list(align(one, two, {"pid"})) == [AlignedEvent(one[0], two[0])]
    assert len(list(align(one, [at(1, "a", pid=4, n=1)], {"pid"}))) == 2
