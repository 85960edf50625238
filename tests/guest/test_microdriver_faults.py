"""Effects of a lost, late, doubled, short, changed or last message between the halves of a microdriver."""

from __future__ import annotations

import math
from typing import Any

import pytest

from drivers.edu import EduIO
from faultkit import AtRequest, Nothing, Outcome
from faultkit.model.errors import NotPlaced
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.channel.channel import Channel
from tests.guest.expected import back

pytestmark = pytest.mark.guest


EXPELLED = "is expelled"


def met(bed: PreparedGuest, fault: Channel, **parts: Any) -> Ran:
    """A trial in which a message meets with it."""
    ran = bed.run(fault=fault, trigger=AtRequest(3), **parts)
    assert ran.verdict.injected and ran.verdict.activated, ran.story()
    assert not ran.verdict.warned and ran.outcome != Outcome.CRASHED, ran.story()
    return ran


def of_factorial(bed: PreparedGuest, action: str, direction: str, **parts: Any) -> Ran:
    return met(bed, Channel(action, direction, **({"message": "factorial"} | parts)))


def alone(bed: PreparedGuest, action: str, direction: str, message: str) -> Ran:
    """Nobody acts but the k-driver."""
    return met(bed, Channel(action, direction, message=message), policy=Nothing())


def said(ran: Ran) -> str:
    """The tamperings and their messages."""
    words: str = ran.first("fault.activated").data["met"]
    return words


def expelled(ran: Ran) -> list[str]:
    """Why the k-driver has shown u-drivers the door."""
    texts = [e.data["text"] for e in ran.events("kernel.message")]
    return [text.rpartition(": ")[2] for text in texts if EXPELLED in text]


@pytest.mark.parametrize("direction", ["upcall", "return"])
def test_a_udriver_killed_at_a_message_is_replaced_and_the_call_made_again(edu: PreparedGuest, direction: str) -> None:
    ran = of_factorial(edu, "kill", direction)
    assert ran.verdict.udriver_died and ran.outcome is Outcome.RECOVERED, ran.story()
    assert said(ran).startswith(f"{direction} factorial of ") and said(ran).endswith(": kill")
    assert not ran.count("request.failed")


@pytest.mark.parametrize("direction", ["downcall", "result"])
def test_a_udriver_killed_within_a_downcall_is_replaced_too(edu: PreparedGuest, direction: str) -> None:
    ran = of_factorial(edu, "kill", direction, message="wait")
    assert ran.verdict.udriver_died and ran.outcome is Outcome.RECOVERED, ran.story()


@pytest.mark.parametrize(
    ("action", "direction", "message"),
    [
        ("drop", "upcall", "factorial"),
        ("drop", "result", "wait"),
        ("stop", "upcall", "factorial"),
        ("reorder", "return", "factorial"),  # one call at a time: nothing comes that could overtake it
    ],
)
def test_a_message_that_does_not_come_costs_the_udriver_its_place(
    edu: PreparedGuest, action: str, direction: str, message: str
) -> None:
    ran = alone(edu, action, direction, message)
    assert expelled(ran) == ["-ETIMEDOUT"] and ran.outcome is Outcome.LOST, ran.story()
    assert 1e9 <= ran.first("request.failed").data["latency_ns"] < 2e9


def test_a_message_that_does_not_come_is_recovered_from(edu: PreparedGuest) -> None:
    ran = of_factorial(edu, "drop", "upcall")
    assert ran.outcome is back(ran.record), ran.story()
    assert ran.count("check.passed") == 1


def test_a_late_message_is_late_by_as_much_as_asked(edu: PreparedGuest) -> None:
    ran = of_factorial(edu, "delay", "return", delay_s=0.3)
    late = [e.data["latency_ns"] for e in ran.events("request.completed", op="factorial")]
    assert ran.outcome is Outcome.MASKED and 0.3e9 <= max(late) < 0.4e9, ran.story()


@pytest.mark.parametrize("direction", ["upcall", "return"])
def test_a_message_that_comes_twice_is_told_apart(edu: PreparedGuest, direction: str) -> None:
    ran = of_factorial(edu, "duplicate", direction, times=0)
    assert ran.outcome is Outcome.MASKED and ran.count("fault.activated") > 1, ran.story()


def test_a_message_cut_within_a_record_is_refused(edu: PreparedGuest) -> None:
    ran = of_factorial(edu, "truncate", "return", cut_bytes=1)
    assert expelled(ran) == ["-EPROTO"] and ran.count("request.failed") == 1, ran.story()


@pytest.mark.parametrize("direction", ["upcall", "return"])
def test_a_message_without_its_records_leaves_the_receiver_with_what_it_knew(
    edu: PreparedGuest, direction: str
) -> None:
    ran = of_factorial(edu, "stale", direction)
    assert ran.outcome is Outcome.CORRUPT and not expelled(ran), ran.story()
    assert ran.first("read.mismatched").data["found"] == 0


def test_a_flipped_bit_of_a_result_is_handed_over_as_right(edu: PreparedGuest) -> None:
    ran = of_factorial(edu, "corrupt", "return", field="edu_request.result", draw=7)
    wrong = ran.first("read.mismatched").data
    assert ran.outcome is Outcome.CORRUPT
    assert (wrong["found"] ^ math.factorial(wrong["argument"])).bit_count() == 1
    assert f"{math.factorial(wrong['argument']):#x} -> {wrong['found']:#x}" in said(ran)


@pytest.mark.parametrize(
    ("field", "value"),
    [("record.object", 0xFFFFFFF), ("record.field", 77), ("record.bytes", 5), ("call", 9), ("kind", 1)],
)
def test_what_does_not_keep_to_the_contract_is_refused(edu: PreparedGuest, field: str, value: int) -> None:
    ran = of_factorial(edu, "corrupt", "return", field=field, value=value)
    assert expelled(ran) == ["-EPROTO"] and ran.count("request.failed") == 1, ran.story()


def test_an_argument_that_is_too_large_is_refused_by_the_udriver(edu: PreparedGuest) -> None:
    ran = of_factorial(edu, "corrupt", "upcall", field="edu_request.n", value=13)
    assert ran.first("request.failed").data["error"] == "Invalid argument" and not expelled(ran)


def test_the_nth_message_of_any_direction(edu: PreparedGuest) -> None:
    ran = met(edu, Channel("kill", "any", nth=3))
    assert ran.verdict.udriver_died and ran.outcome is Outcome.RECOVERED, ran.story()


def test_messages_meet_with_the_same_at_the_same_time_in_each_replay(edu: PreparedGuest) -> None:
    fault = Channel("corrupt", "return", message="report", nth=2, draw=3)
    transfers = EduIO(requests=16, ops=("write", "read"))
    once, again = (met(edu, fault, workload=transfers) for _ in range(2))
    assert once.record.events == again.record.events


def test_what_cannot_be_met_is_not_placed(edu: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="there is no upcall 'open': there are probe, factorial, report"):
        edu.run(fault=Channel("drop", "upcall", message="open"), trigger=AtRequest(2))


@pytest.mark.parametrize("direction", ["upcall", "return"])
def test_a_network_driver_is_killed_at_a_message(rtl8139_micro: PreparedGuest, direction: str) -> None:
    ran = met(rtl8139_micro, Channel("kill", direction, message="settings"))
    assert ran.verdict.udriver_died and ran.outcome is Outcome.RECOVERED, ran.story()
    assert said(ran).startswith(f"{direction} settings of ")


def test_a_network_driver_gets_a_status_that_nobody_sent(rtl8139_micro: PreparedGuest) -> None:
    ran = met(rtl8139_micro, Channel("corrupt", "return", message="settings", field="status", value=2**32 - 22))
    assert said(ran).endswith("0 -> 0xffffffea") and ran.outcome is Outcome.MASKED, ran.story()
