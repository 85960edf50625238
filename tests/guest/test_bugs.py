"""Four bugs in a u-driver and in a k-driver, with the same machine code."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.rtl8139 import Phases
from faultkit import AtRequest, Detectors, Nothing, Outcome, RestartUDriver
from faultkit.model.errors import NotPlaced
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.kernel_bug import KernelBug
from injectors.udriver.user_bug import UserBug
from tests.guest.expected import back

pytestmark = pytest.mark.guest

REOPENED = Phases("reopening")


def in_open(bed: PreparedGuest, fault: UserBug | KernelBug, **parts: Any) -> Ran:
    """A trial in which the interface is opened, and the function that does so has a bug."""
    trigger = AtRequest(REOPENED.begins_with)
    ran = bed.run(fault=fault, workload=REOPENED, trigger=trigger, detectors=Detectors(beat_s=2.0), **parts)
    assert ran.verdict.injected and ran.count("fault.activated") == 1, ran.story()
    return ran


@pytest.mark.parametrize(("kind", "signal"), [("null dereference", 11), ("double free", 6)])
def test_a_bug_that_ends_a_udriver_leaves_the_kernel_alone(
    rtl8139_micro: PreparedGuest, kind: str, signal: int
) -> None:
    ran = in_open(rtl8139_micro, UserBug(kind, "open_up"), policy=RestartUDriver())
    assert ran.first("udriver.exited").data["signal"] == signal, ran.story()
    assert ran.outcome is Outcome.RECOVERED and not ran.verdict.warned, ran.story()


def test_a_udriver_in_an_endless_loop_is_expelled(rtl8139_micro: PreparedGuest) -> None:
    ran = in_open(rtl8139_micro, UserBug("endless loop", "open_up"), policy=RestartUDriver())
    assert "is expelled, in open: -ETIMEDOUT" in ran.record.console
    assert ran.outcome is back(ran.record) and not ran.verdict.warned, ran.story()


@pytest.mark.parametrize("draw", [1, 2])
def test_a_wild_write_of_a_udriver_stays_in_its_process(rtl8139_micro: PreparedGuest, draw: int) -> None:
    ran = in_open(rtl8139_micro, UserBug("wild write", "open_up", draw), policy=RestartUDriver())
    assert ran.outcome is back(ran.record) and not ran.verdict.warned, ran.story()


def test_a_bug_in_a_function_that_is_not_called_is_inactive(rtl8139_micro: PreparedGuest) -> None:
    ran = rtl8139_micro.run(fault=UserBug("null dereference", "renegotiate"), trigger=AtRequest(2))
    assert ran.verdict.injected and ran.outcome is Outcome.INACTIVE, ran.story()


def test_the_kernel_does_not_outlive_a_null_dereference(rtl8139: PreparedGuest) -> None:
    ran = in_open(rtl8139, KernelBug("null dereference", "cp_open"), policy=Nothing())
    assert ran.outcome is Outcome.CRASHED and "NULL pointer dereference" in str(ran.verdict.crash_kind), ran.story()


def test_the_kernel_does_not_outlive_an_endless_loop(rtl8139: PreparedGuest) -> None:
    ran = in_open(rtl8139, KernelBug("endless loop", "cp_open"), policy=Nothing())
    assert ran.outcome is Outcome.CRASHED and ran.count("kernel.lockup"), ran.story()


@pytest.mark.parametrize("kind", ["wild write", "double free"])
def test_the_function_goes_on_behind_its_bug(rtl8139: PreparedGuest, kind: str) -> None:
    """Whatever the damage comes to later: the interface is opened."""
    ran = in_open(rtl8139, KernelBug(kind, "cp_open", 3), policy=Nothing())
    assert ran.outcome is Outcome.CRASHED or ran.count("request.completed", op="reopen") == 1, ran.story()


def test_what_is_not_there_is_not_placed(rtl8139: PreparedGuest, rtl8139_micro: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match=r"there is no bug 'off by one': there are null dereference, wild write"):
        rtl8139.run(fault=KernelBug("off by one", "cp_open"), trigger=AtRequest(2))
    with pytest.raises(NotPlaced, match=r"8139cp has no function 'open_up'"):
        rtl8139.run(fault=KernelBug("wild write", "open_up"), trigger=AtRequest(2))
    with pytest.raises(NotPlaced, match=r"the u-driver has no function cp_open"):
        rtl8139_micro.run(fault=UserBug("wild write", "cp_open"), trigger=AtRequest(2))
