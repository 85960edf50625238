"""The cost of crossings is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.null_micro import CrossingCost, NullMicro
from drivers.rtl8139 import BringUp
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import Detectors, Nothing, Outcome, Trial
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import template
from faultkit.model.trial import Record
from faultkit.running.trial import run_trial
from faultkit.verdict.judge import judge

pytestmark = pytest.mark.guest

NULL = Trial(
    driver=NullMicro(),
    workload=CrossingCost(samples=500),
    policy=Nothing(),
    detectors=Detectors(beat_s=1000.0),
    seed=1,
)
BRING_UP = replace(NULL, driver=Rtl8139Micro(), workload=BringUp(rounds=2))


def ran(trial: Trial, image: Image) -> Record:
    """On a fork of a template of its own."""
    return run_trial(template(trial, image, Machine(), (Nothing(),)), trial)


def test_an_upcall_costs_more_than_a_system_call(image: Image) -> None:
    record = ran(NULL, image)
    assert judge(record).outcome is Outcome.MASKED
    costs = {e.data["call"]: e.data for e in record.events if e.kind == "cost.measured"}
    assert set(costs) == {"upcall", "system_call", "pipe"}
    assert all(0 < cost["p50_ns"] <= cost["p99_ns"] for cost in costs.values())
    assert costs["system_call"]["p50_ns"] * 5 < costs["upcall"]["p50_ns"] < costs["pipe"]["p50_ns"] * 2


def test_each_bring_up_makes_the_same_crossings(image: Image) -> None:
    record = ran(BRING_UP, image)
    assert "check.passed" in {e.kind for e in record.events}
    ups = [e.data for e in record.events if e.kind == "driver.brought_up"]
    assert len(ups) == 2
    assert ups[0]["crossings"] == ups[1]["crossings"] >= 20
    assert ups[0]["bytes"] == ups[1]["bytes"] > 0
