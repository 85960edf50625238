"""Drivers that are split on our own runtime: they work, and outlive their u-drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drivers.edu import Edu, EduIO
from drivers.rtl8139 import Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import AtRequest, Nothing, Outcome, ReloadKDriver, RestartBoth, RestartUDriver, Trial
from faultkit.model.parts import Fault, Policy
from faultkit.model.trial import Record
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.trial import run_trial
from faultkit.verdict.judge import judge
from injectors.kdriver.unbind import Unbind
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from tests.guest.expected import back

pytestmark = pytest.mark.guest

MONITORS = (Kernel(),)
GOLDEN = {
    "edu": Trial(driver=Edu(), workload=EduIO(), policy=RestartUDriver(), monitors=MONITORS, seed=1),
    "rtl8139_micro": Trial(
        driver=Rtl8139Micro(), workload=Transfers(), policy=RestartUDriver(), monitors=MONITORS, seed=1
    ),
}
Run = Callable[[Trial], Record]


@pytest.fixture(scope="module", params=GOLDEN)
def golden(request: pytest.FixtureRequest) -> Trial:
    return GOLDEN[request.param]


@pytest.fixture(scope="module")
def run(watchful: PreparedGuest) -> Run:
    def with_nothing_to_report(trial: Trial) -> Record:
        record = run_trial(watchful.template, trial)
        assert "kernel.warn" not in {event.kind for event in record.events}, record.console[-5000:]
        return record

    return with_nothing_to_report


def failing(golden: Trial, fault: Fault, nth: int = 5) -> Trial:
    return replace(golden, fault=fault, trigger=AtRequest(nth))


def test_without_a_fault_nothing_happens(run: Run, golden: Trial) -> None:
    record = run(golden)
    kinds = {event.kind for event in record.events}
    assert judge(record).outcome is Outcome.MASKED
    assert "check.passed" in kinds
    assert not kinds & {"error.detected", "recovery.started", "kernel.warn", "kernel.oops", "request.failed"}


def test_a_new_udriver_joins_the_running_kdriver(run: Run, golden: Trial) -> None:
    verdict = judge(run(failing(golden, Kill())))
    assert verdict.outcome is Outcome.RECOVERED, verdict
    assert not verdict.kdriver_reloaded and not verdict.warned


def test_a_udriver_that_hangs_costs_no_request(run: Run, golden: Trial) -> None:
    record = run(failing(golden, Hang()))
    verdict = judge(record)
    assert verdict.outcome is back(record) is not Outcome.DISRUPTED, verdict  # a data path may not even notice
    assert not verdict.kdriver_reloaded and not verdict.warned


@pytest.mark.parametrize("policy", [ReloadKDriver(), RestartBoth()], ids=["alone", "with its u-driver"])
def test_the_kdriver_can_be_reloaded(run: Run, golden: Trial, policy: Policy) -> None:
    record = run(replace(failing(golden, Kill()), policy=policy))
    verdict = judge(record)
    assert verdict.kdriver_reloaded
    assert verdict.outcome is back(record) is not Outcome.MASKED, verdict
    assert "check.passed" in {event.kind for event in record.events}


def test_the_kernel_outlives_the_udriver_that_nobody_replaces(run: Run, golden: Trial) -> None:
    record = run(replace(failing(golden, Kill()), policy=Nothing()))
    verdict = judge(record)
    assert verdict.udriver_died and verdict.outcome < Outcome.CRASHED, verdict
    assert not verdict.warned


def test_it_can_be_taken_off_its_device_while_it_is_in_use(run: Run, golden: Trial) -> None:
    record = run(replace(failing(golden, Unbind()), policy=Nothing()))
    kinds = {event.kind for event in record.events}
    assert {"fault.injected", "error.detected"} <= kinds
    assert not kinds & {"kernel.warn", "kernel.oops", "kernel.panic"}, record.console[-3000:]
