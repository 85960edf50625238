"""The detectors on real drivers: who tells of what, how soon, and of what nobody does."""

from __future__ import annotations

import pytest

from drivers.nbd import VerifiedIO
from faultkit import AtRequest, Detectors, Every, Nothing, Outcome, RestartUDriver
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from faultkit.verdict.episodes import episodes
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.pause import Pause
from tests.guest.conftest import NBD, known_parts

pytestmark = [pytest.mark.guest, NBD]


def latency_s(ran: Ran, by: str) -> float:
    """From the activation to a detector's word."""
    return (ran.first("error.detected", by=by).t_ns - ran.first("fault.activated").t_ns) / 1e9


@pytest.mark.parametrize(("beat_s", "deadline_s"), [(0.02, 0.1), (0.1, 1.0), (0.4, 2.0)])
def test_a_hang_is_told_of_within_the_deadline_and_two_periods(
    faultkit_guest: PreparedGuest, beat_s: float, deadline_s: float
) -> None:
    ran = faultkit_guest.run(
        fault=Hang(), trigger=AtRequest(30), policy=Nothing(), detectors=Detectors(beat_s, deadline_s)
    )
    assert deadline_s < latency_s(ran, "heartbeat") < deadline_s + 2.5 * beat_s


def test_every_detector_is_heard_where_nobody_acts(faultkit_guest: PreparedGuest) -> None:
    ran = faultkit_guest.run(fault=Kill(), trigger=AtRequest(30), policy=Nothing(), detectors=Detectors(0.05, 0.3))
    (episode,) = episodes(ran.record.events)
    assert [e.data["by"] for e in episode.detections] == ["pidfd", "heartbeat", "requests"]
    assert latency_s(ran, "pidfd") < 0.1
    assert latency_s(ran, "heartbeat") > 0.3


def test_who_is_too_impatient_takes_a_pause_for_a_failure(faultkit_guest: PreparedGuest) -> None:
    patient, impatient = (
        faultkit_guest.run(
            fault=Pause(0.4), trigger=AtRequest(30), policy=Nothing(), workload=VerifiedIO(requests=300),
            detectors=Detectors(0.05, deadline_s),
        )
        for deadline_s in (0.8, 0.1)
    )  # fmt: skip
    assert patient.outcome is impatient.outcome is Outcome.MASKED
    assert not patient.count("error.detected")
    assert [e.data["by"] for e in impatient.events("error.detected")] == ["heartbeat"]
    assert impatient.count("error.gone") == 1, "it answers again"


def test_each_of_several_failures_is_told_of(faultkit_guest: PreparedGuest) -> None:
    ran = faultkit_guest.run(
        fault=Kill(), trigger=Every(1.5, times=3), policy=RestartUDriver(limit=9, backoff_s=0.0),
        workload=VerifiedIO(requests=4000, deadline_s=60.0),
    )  # fmt: skip
    found = episodes(ran.record.events)
    assert len(found) == ran.verdict.failures == 3 and not ran.verdict.undetected
    assert all(e.end is not None and e.end.kind == "service.restored" for e in found)


def test_what_nobody_detects_is_counted(faultkit_guest: PreparedGuest) -> None:
    ran = faultkit_guest.run(fault=known_parts.FlippedDisk(), trigger=AtRequest(96), policy=RestartUDriver())
    assert ran.outcome is Outcome.CORRUPT
    assert (ran.verdict.failures, ran.verdict.undetected) == (1, 1)
