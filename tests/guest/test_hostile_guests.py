"""A guest under test that was taken over: it runs nothing on the host, and its trial comes to a verdict."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from drivers.nbd import Nbd
from faultkit import AtRequest
from faultkit.machine.image import Image
from faultkit.model.codec import encode
from faultkit.model.errors import HarnessError
from faultkit.model.events import Kind, Outcome
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from monitors.kernel import Kernel
from monitors.requests import Requests
from tests.guest.conftest import bed, hostile_parts
from tests.test_received import MISFITS

pytestmark = pytest.mark.guest
Hostile, Wilful = hostile_parts.Hostile, hostile_parts.Wilful


@pytest.fixture(scope="module")
def guest(image: Image) -> PreparedGuest:
    """nbd under a workload that was taken over."""
    return bed(image, Nbd(), Hostile(), (Requests(), Kernel()), (Wilful("leaves"), AtRequest(1)))


def places(ran: Ran) -> set[str]:
    """The places of what was garbled."""
    return {event.data["place"] for event in ran.record.events if event.kind == Kind.MAILBOX_GARBLED}


def told(ran: Ran) -> str:
    """The answer of the host that the guest has reported."""
    return str(ran.first("door.answered").data["error"])


def test_a_guest_that_does_as_it_should_garbles_nothing(guest: PreparedGuest) -> None:
    ran = guest.run(workload=Hostile())
    assert (ran.outcome, places(ran)) == (Outcome.MASKED, set())


@pytest.mark.parametrize("name", [name for name, (line, _) in MISFITS.items() if line.isascii() and line])
def test_a_line_that_is_no_event_is_noted(guest: PreparedGuest, name: str) -> None:
    ran = guest.run(workload=Hostile("logs", MISFITS[name][0].decode()))
    assert (ran.outcome, places(ran)) == (Outcome.MASKED, {"a line of the log"})


def test_a_log_of_another_length_is_read_to_its_end_and_without_one_the_trial_is_void(guest: PreparedGuest) -> None:
    with pytest.raises(HarnessError, match="its record lacks the end"):
        guest.run(workload=Hostile("logs many"))


@pytest.mark.parametrize("words", ["", "garbage", "[1, 2]", '{"lost": 7}', "[" * 3000])
def test_last_words_that_are_none_are_noted(guest: PreparedGuest, words: str) -> None:
    ran = guest.run(workload=Hostile("ends with", words))
    assert (ran.outcome, places(ran)) == (Outcome.MASKED, {"the final message"})
    assert set(ran.record.lost.values()) == {1}, "nobody knows what the monitors have lost"


def call(marker: Path, name: str, **fields: object) -> str:
    """A call of the host that would leave a file there."""
    return json.dumps({"fault": {"is": name, **fields}, "label": {}})


def test_a_guest_runs_nothing_on_the_host(guest: PreparedGuest, tmp_path: Path) -> None:
    marker = tmp_path / "taken"
    calls = [
        call(marker, "os:system", command=f"touch {marker}"),
        call(marker, "subprocess:Popen", args=["touch", str(marker)]),
        call(marker, "faultkit.store.store:Store"),
        call(marker, "no.such.module:Fault"),
        json.dumps({"fault": encode(Wilful("leaves")), "label": {}}),
        "garbage",
        "[" * 3000,
    ]
    for asked in calls:
        ran = guest.run(workload=Hostile("asks", asked))
        assert "the host refuses the call" in told(ran)
        assert (ran.outcome, places(ran)) == (Outcome.MASKED, {"a call of the host"})
    assert not marker.exists()


@pytest.mark.parametrize("state", [0, 1, 3, 7, 2**32 - 1])
def test_a_knock_without_a_message_is_noted_and_the_guest_goes_on(guest: PreparedGuest, state: int) -> None:
    ran = guest.run(workload=Hostile("knocks", str(state)))
    assert (ran.outcome, places(ran)) == (Outcome.MASKED, {"the door"})


@pytest.mark.parametrize("length", [12 << 20, 1 << 60])
def test_data_of_monitors_that_are_none_are_left_out(guest: PreparedGuest, length: int) -> None:
    ran = guest.run(workload=Hostile("collects", str(length)))
    assert ran.outcome is Outcome.MASKED


def test_a_panic_that_there_is_not_ends_the_trial(guest: PreparedGuest) -> None:
    ran = guest.run(workload=Hostile("panics"))
    assert ran.outcome is Outcome.CRASHED
    assert ran.first("guest.panicked")


@pytest.mark.parametrize(("way", "reason"), [("leaves", "SystemExit"), ("divides", "ZeroDivisionError")])
def test_a_host_side_that_fails_or_asks_to_exit_is_told_to_the_guest(
    guest: PreparedGuest, way: str, reason: str
) -> None:
    ran = guest.run(fault=Wilful(way), trigger=AtRequest(1))
    assert reason in told(ran)


def test_a_host_side_that_reports_nonsense_is_noted(guest: PreparedGuest) -> None:
    ran = guest.run(fault=Wilful("tells nonsense"), trigger=AtRequest(1))
    assert places(ran) == {"the host"}


def test_the_parts_of_this_test_are_found_as_a_users_would_be() -> None:
    assert importlib.import_module("hostile_parts") is hostile_parts
