"""A u-driver that ends at a message of each phase of its driver's life; the last of them, and none behind it."""

from __future__ import annotations

import pytest

from experiments.microdriver.crash_points import PHASES, LifePhase
from experiments.microdriver.tables.crossings import HEARTBEAT, met
from faultkit import AtRequest, Detectors, Outcome, ReloadKDriver
from faultkit.model.codec import name_of
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.channel.channel import Channel
from tests.guest.expected import back

pytestmark = pytest.mark.guest

each_phase = pytest.mark.parametrize("phase", PHASES, ids=lambda p: f"{name_of(p.trial.driver)}-{p.trial.workload}")


@pytest.fixture
def bed(phase: LifePhase, request: pytest.FixtureRequest) -> PreparedGuest:
    """The guest with the phase's driver in it."""
    found: PreparedGuest = request.getfixturevalue(name_of(phase.trial.driver))
    return found


def ended(bed: PreparedGuest, phase: LifePhase, nth: int, action: str = "kill", **parts: object) -> Ran:
    """A trial in which the u-driver ends at the n-th message of a phase."""
    fault, trigger = Channel(action, "any", nth=nth), AtRequest(phase.begins_with)
    return bed.run(
        workload=phase.trial.workload, detectors=Detectors(beat_s=2.0), fault=fault, trigger=trigger, **parts
    )


@each_phase
def test_a_phase_that_is_not_disturbed_alarms_nobody(phase: LifePhase, bed: PreparedGuest) -> None:
    ran = bed.run(workload=phase.trial.workload, detectors=Detectors(beat_s=2.0))
    assert ran.outcome is Outcome.MASKED and not ran.count("error.detected"), ran.story()
    assert ran.count("check.passed") == 1


@each_phase
def test_its_last_crossing_is_the_last(phase: LifePhase, bed: PreparedGuest) -> None:
    last, behind = (ended(bed, phase, nth) for nth in (phase.crossings, phase.crossings + 1))
    assert last.verdict.udriver_died and last.outcome is back(last.record), last.story()
    assert met(behind.record)[1] in HEARTBEAT, behind.story()


@each_phase
def test_a_udriver_that_hangs_half_way_goes_with_its_kdriver(phase: LifePhase, bed: PreparedGuest) -> None:
    ran = ended(bed, phase, phase.crossings // 2, "stop", policy=ReloadKDriver())
    assert ran.verdict.activated and ran.verdict.kdriver_reloaded, ran.story()
    assert ran.outcome is back(ran.record) and not ran.verdict.warned, ran.story()
