"""The decoder of what a guest sends: events as the vocabulary has them, or a note that they were garbled."""

from __future__ import annotations

import json
import time
import tracemalloc
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.errors import HarnessError, NotPlaced
from faultkit.model.events import Event, Kind
from faultkit.model.received import (
    EVENTS,
    HOPELESS,
    LATEST_NS,
    LINE_BYTES,
    NOTED,
    VALUES,
    Intake,
    checked,
    failure_of,
    loads_plain,
    lost_of,
    plain,
)
from faultkit.model.vocabulary import problems

GOOD: list[Any] = [5, "workload", "request.completed", {"n": 1, "op": "read", "latency_ns": 7}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def taken(*lines: bytes) -> list[Event]:
    """The events that a host takes from these lines of a log."""
    intake = Intake()
    intake.take_lines(lines, reserved={"host", "kernel"})
    return intake.end()


def line(*event: Any) -> bytes:
    """A line of a log."""
    return json.dumps(event).encode()


def test_an_event_of_the_vocabulary_comes_as_it_was_sent() -> None:
    assert taken(line(*GOOD)) == [Event(5, "workload", "request.completed", GOOD[3])]


def test_an_event_of_a_users_own_comes_as_it_was_sent() -> None:
    data = {"levels": [1, {"deep": [None, True, 0.5, "é"]}]}
    assert taken(line(0, "test", "ring.emptied", data)) == [Event(0, "test", "ring.emptied", data)]


MISFITS = {
    "a text as its time": (line("soon", *GOOD[1:]), "its time is soon"),
    "a bool as its time": (line(True, *GOOD[1:]), "its time is True"),
    "a time before the beginning": (line(-1, *GOOD[1:]), "its time is -1"),
    "a time beyond all trials": (line(LATEST_NS + 1, *GOOD[1:]), "its time is"),
    "a completion without latency": (line(*GOOD[:3], {"n": 1, "op": "read"}), "latency_ns is missing"),
    "a textual latency": (line(*GOOD[:3], {"n": 1, "op": "read", "latency_ns": "7"}), "latency_ns is '7'"),
    "a detection without by": (line(1, "recovery", "error.detected", {"what": "x"}), "by is missing"),
    "a step without its name": (line(1, "recovery", "recovery.step", {}), "step is missing"),
    "an unknown field": (line(1, "recovery", "error.gone", {"why": 1}), "why is unknown"),
    "references that are no numbers": (
        line(1, "resources", "resources.sampled",
             {"module_refs": {"nbd": []}, "slab_bytes": 1, "interrupt_handlers": 1, "agent_fds": 1}),
        "module_refs is",
    ),
    "an old value that is a list": (line(1, "injector", "fault.injected", {"old": [1]}), "old is [1]"),
    "data that are a list": (line(1, "agent", "trial.started", []), "its data are []"),
    "a kind that is a number": (line(1, "agent", 5, {}), "its kind is 5"),
    "a kind that is none": (line(1, "agent", None, {}), "its kind is None"),
    "a kind with an escape": (line(1, "agent", "my.\x1b[31m", {}), "its kind is my.\u241b[31m"),
    "a kind of our family that is not there": (line(1, "agent", "request.eaten", {}), "no such kind"),
    "a line number": (b"17", "it is no list"),
    "too short a list": (line(1, "agent"), "it is no list"),
    "no JSON": (b"\xff\xfe\x00", "can't decode"),
    "nothing": (b"", "Expecting value"),
    "NaN": (b'[1,"test","my.own",{"x":NaN}]', "NaN is no number"),
    "an infinite number": (b'[1,"test","my.own",{"x":1e999}]', "inf is no number"),
    "a number of thousands of digits": (b'[1,"test","my.own",{"x":' + b"9" * 5000 + b"}]", "int"),
    "a number beyond an address": (line(1, "test", "my.own", {"x": 1 << 65}), "a number is too large"),
    "nesting": (b'[1,"test","my.own",{"x":' + b"[" * 20 + b"]" * 20 + b"}]", "nested too deeply"),
    "nesting beyond all stacks": (b"[" * 60_000, "nested too deeply"),
    "a flood of values": (line(1, "test", "my.own", {"x": [0] * VALUES}), "values"),
    "a long line": (line(1, "test", "my.own", {"x": "x" * LINE_BYTES}), "bytes"),
    "the host's voice": (line(1, "host", "guest.exited", {}), "'host' is no source in a guest"),
    "the kernel's voice": (
        line(1, "kernel", "kernel.message", {"level": 1, "text": ""}), "'kernel' is no source in a guest"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_noted_with_place_reason_and_first_bytes(name: str) -> None:
    sent, reason = MISFITS[name]
    before, garbled, after = taken(line(*GOOD), sent, line(*GOOD))
    assert before == after == Event(*GOOD)
    assert (garbled.kind, garbled.source, garbled.t_ns) == (Kind.MAILBOX_GARBLED, "host", 5)
    assert garbled.data["place"] == "a line of the log"
    assert reason in garbled.data["why"]
    assert len(garbled.data["first"]) <= 48 and garbled.data["first"].isprintable()
    assert problems(garbled) == []


@given(st.lists(JSON.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=80), max_size=6))
def test_whatever_comes_every_event_is_of_the_vocabulary_and_can_be_stored(lines: list[bytes]) -> None:
    for event in taken(*lines):
        assert problems(event) == []
        json.dumps(event.data, allow_nan=False).encode()


@given(JSON, JSON, JSON, JSON)
def test_whatever_an_event_is_made_of_it_fits_or_is_noted(t_ns: Any, source: Any, kind: Any, data: Any) -> None:
    [event] = taken(line(t_ns, source, kind, data))
    assert problems(event) == []


def test_texts_of_a_guest_are_neutral() -> None:
    [event] = taken(b'[1,"test","my.own",{"\\ud800":"a\\udfffb\\u001b[31m\\u0007\\n"}]')
    assert event.data == {"\ufffd": "a\ufffdb\u241b[31m\u2407\n"}


def test_an_event_of_a_monitor_is_checked_like_one_of_the_log() -> None:
    intake = Intake()
    intake.take(Event(1, "mine", "my.own", {"pair": (1, 2)}), "the data of mine")
    intake.take(Event(1, "mine", "my.own", {"bytes": b"x"}), "the data of mine")
    first, second = intake.end()
    assert first.data == {"pair": [1, 2]}
    assert second.kind == Kind.MAILBOX_GARBLED and second.data["place"] == "the data of mine"


def test_of_many_garbled_pieces_the_number_is_told_and_the_log_is_given_up() -> None:
    intake = Intake()
    sent = 0

    def endless() -> Any:
        nonlocal sent
        for each in repeat(b"{"):
            sent += 1
            yield each

    intake.take_lines(endless(), reserved=())
    events = intake.end()
    assert sent == HOPELESS + 1
    assert len(events) == NOTED + 1 and events[-1].data["why"] == f"{HOPELESS - NOTED} more"


def test_a_trial_has_an_end_of_events() -> None:
    intake = Intake()
    intake.events = [Event(*GOOD)] * EVENTS
    intake.take(Event(*GOOD), "x")
    assert intake.end()[-1].data["why"] == f"a trial has at most {EVENTS} events"


def test_nesting_costs_neither_time_nor_memory() -> None:
    tracemalloc.start()
    start = time.monotonic()
    taken(*[b"[" * 60_000, b'{"":' * 12_000] * 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - start < 10 and peak < 64 << 20


def test_a_final_message_counts_the_losses_of_the_trials_monitors() -> None:
    assert lost_of('{"lost":{"mine:Slow":3,"agent":1}}', ["mine:Slow"]) == {"mine:Slow": 3, "agent": 1}


BAD_ENDS = (
    "", "garbage", "[]", "{}", '{"lost":[]}', '{"lost":{"other":1}}', '{"lost":{"a":"1"}}', '{"lost":{"a":-1}}',
    '{"lost":{"a":true}}',
)  # fmt: skip


@pytest.mark.parametrize("text", BAD_ENDS)
def test_any_other_final_message_does_not_fit(text: str) -> None:
    with pytest.raises(ValueError):
        lost_of(text, ["a"])


def test_the_complaint_of_an_agent_keeps_its_kind() -> None:
    told = failure_of('{"kind":"NotPlaced","error":"no such\\nfunction"}')
    assert isinstance(told, NotPlaced) and str(told) == "no such?function"
    assert not isinstance(failure_of('{"kind":"OSError","error":"x"}'), NotPlaced)


@pytest.mark.parametrize("text", ["", "\x1b[2J", "[]", "{}", '{"kind":1,"error":2}', "[" * 60_000])
def test_a_complaint_that_is_garbled_is_still_one_line(text: str) -> None:
    told = failure_of(text)
    assert type(told) is HarnessError and str(told).isprintable()
    assert "its report cannot be read" in str(told)


def test_plain_data_hold_no_objects_and_no_other_keys() -> None:
    for value in (object(), {1: 2}, {"a": {b"b": 1}}, {1, 2}):
        with pytest.raises(ValueError, match="no plain data"):
            plain(value)
    with pytest.raises(ValueError, match="too deeply"):
        loads_plain("[" * 9 + "]" * 9)


def test_a_monitor_cannot_claim_a_kind_with_other_data() -> None:
    with pytest.raises(ValueError, match="step is missing"):
        checked(1, "recovery", "recovery.step", {})
