"""A k-driver and wrong messages: those that once did harm, and some that are drawn."""

from __future__ import annotations

import pytest

from drivers.edu import EduEveryCall
from drivers.rtl8139_micro import RtlEveryCall
from experiments.microdriver.interface_faults import trials
from experiments.microdriver.tables.interface import reaction
from faultkit import AtRequest, Detectors, Nothing, Outcome, Trial
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.channel.channel import Channel

pytestmark = pytest.mark.guest
QUIET = Detectors(beat_s=1000.0)
DRAWN = 3  # of each driver


def lived(bed: PreparedGuest, since: str, fault: Channel) -> Ran:
    """A life in which the driver bears it."""
    workload = (EduEveryCall if bed.trial().driver.modules[0] == "edu_micro" else RtlEveryCall)(since=since)
    ran = bed.run(workload=workload, fault=fault, trigger=AtRequest(1), policy=Nothing(), detectors=QUIET)
    assert ran.verdict.activated and not ran.verdict.warned, ran.story()
    assert ran.outcome < Outcome.LOST, ran.story()
    return ran


def wrong(direction: str, message: str, field: str, value: int) -> Channel:
    return Channel("corrupt", direction, message, field=field, value=value)


def test_a_node_is_not_registered_twice(edu: PreparedGuest) -> None:
    ran = lived(edu, "factorial", wrong("downcall", "wait", "call", 3))
    assert reaction(ran.record) == "late"


def test_a_status_of_more_than_0_is_no_success(edu: PreparedGuest) -> None:
    ran = lived(edu, "factorial", wrong("return", "factorial", "status", 1))
    assert ran.first("request.failed").data["error"] == "Protocol error"


def test_a_status_that_only_the_kernel_knows_is_refused(edu: PreparedGuest) -> None:
    ran = lived(edu, "factorial", wrong("return", "factorial", "status", 2**32 - 512))
    assert reaction(ran.record) == "refused"


def test_an_interface_is_not_registered_twice(rtl8139_micro: PreparedGuest) -> None:
    ran = lived(rtl8139_micro, "reload", wrong("return", "probe", "call", 1))
    assert reaction(ran.record) == "refused"


def test_a_lock_that_is_never_given_back_is_taken_back(rtl8139_micro: PreparedGuest) -> None:
    ran = lived(rtl8139_micro, "address", wrong("downcall", "unlock", "args.0", 1))
    assert ran.count("check.passed") == 1


def drawn(modules: tuple[str, ...]) -> list[Trial]:
    """Some of the experiment's trials with a driver."""
    ours = [trial for trial in trials(7) if trial.fault is not None and trial.driver.modules == modules]
    return ours[:: len(ours) // DRAWN][:DRAWN]


def test_what_is_drawn_does_no_harm_to_edu(edu: PreparedGuest) -> None:
    bears(edu)


def test_what_is_drawn_does_no_harm_to_a_network_driver(rtl8139_micro: PreparedGuest) -> None:
    bears(rtl8139_micro)


def bears(bed: PreparedGuest) -> None:
    """Whatever comes of them, the driver is there at the end."""
    for trial in drawn(bed.golden.driver.modules):
        ran = bed.run(
            workload=trial.workload, fault=trial.fault, trigger=trial.trigger, policy=Nothing(), detectors=QUIET
        )
        assert not ran.verdict.warned and ran.count("check.passed") == 1, (trial.fault, ran.story())
