"""Recoveries of microdrivers in a row, one within another, and of a u-driver that dies of each start."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from experiments.microdriver import repeat_recovery
from experiments.microdriver.tables import repeats
from faultkit import AtRequest, Outcome, RestartUDriver, Trial
from faultkit.model.events import Event
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.channel.channel import Channel

pytestmark = pytest.mark.guest
each = pytest.mark.parametrize("driver", ["edu", "rtl8139_micro"])


def run(bed: PreparedGuest, trial: Trial) -> Ran:
    """A trial of the experiment on the bed's guest."""
    parts = ("workload", "fault", "trigger", "policy", "detectors")
    return bed.run(**{name: getattr(trial, name) for name in parts})


@each
def test_recoveries_in_a_row_leave_nothing_behind(request: pytest.FixtureRequest, driver: str) -> None:
    long = repeat_recovery.long_edu if driver == "edu" else repeat_recovery.long_nic
    ran = run(request.getfixturevalue(driver), long(15))
    assert ran.count("fault.injected") == ran.count("service.restored") == 15, ran.story()
    assert ran.outcome is Outcome.RECOVERED and not ran.verdict.leaked
    left = repeats.left_behind(ran.record.events)
    assert left["interrupt_handlers"] == left["module_refs"] == 0
    assert left["slab_bytes"] < 1 << 18
    assert max(repeats.recovery_s(ran.record.events)) < 1.5


@each
def test_a_new_udriver_that_is_killed_before_it_serves_is_replaced(request: pytest.FixtureRequest, driver: str) -> None:
    twice = replace(repeat_recovery.NIC, workload=WORK[driver], fault=Channel("kill", "upcall", times=2), trigger=AT)
    ran = run(request.getfixturevalue(driver), twice)
    first, second = ran.events("recovery.finished")
    assert first.data["error"] == "the new u-driver is gone, too" and second.data["ok"], ran.story()
    assert ran.count("udriver.died") == 2 and ran.outcome is Outcome.RECOVERED


@each
def test_a_udriver_that_dies_of_each_start_is_given_up_with_growing_pauses(
    request: pytest.FixtureRequest, driver: str
) -> None:
    dies = replace(repeat_recovery.NIC, workload=WORK[driver], fault=Channel("kill", "upcall", times=0), trigger=AT)
    ran = run(request.getfixturevalue(driver), replace(dies, policy=RestartUDriver(limit=5)))
    assert ran.count("recovery.started") == 5 and ran.count("recovery.gave_up") == 1, ran.story()
    assert ran.outcome is Outcome.LOST and not ran.verdict.warned
    pauses_s = pauses(ran.record.events)
    assert all(now_s > 1.5 * before_s for before_s, now_s in pairwise(pauses_s)), pauses_s


AT = AtRequest(3)
WORK = {"edu": repeat_recovery.EDU.workload, "rtl8139_micro": repeat_recovery.NIC.workload}


def pauses(events: tuple[Event, ...]) -> list[float]:
    """From each failed attempt to the next, in virtual seconds."""
    ends, starts = ([e.t_ns for e in events if e.kind == f"recovery.{kind}"] for kind in ("finished", "started"))
    return [(start - end) / 1e9 for end, start in zip(ends, starts[1:], strict=False)]
