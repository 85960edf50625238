"""The detectors of a running trial, by a simulated clock: who reports an error, when, and how often."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from faultkit.guest.bench import GuestBench
from faultkit.guest.detection import Detection
from faultkit.model.trial import Detectors
from tests.simulated import Alarm, FakeLink, S, Service, SimulatedClock, SplitService

WATCH = Detectors(beat_s=0.1, deadline_s=1.0)


@dataclass
class Scene:
    """A driver that is watched, and what happens to it."""

    driver: Service
    clock: SimulatedClock
    watchers: dict[str, Alarm] = field(default_factory=dict)
    link: FakeLink = field(default_factory=FakeLink)
    errors: int = 0
    answers: int = 0

    def __post_init__(self) -> None:
        self.bench = GuestBench(self.driver, 1, self.link, self.clock)
        self.detection = Detection(self.bench, WATCH, self.watchers, self.failed, self.answered)

    def failed(self) -> None:
        self.errors += 1

    def answered(self) -> None:
        self.answers += 1

    def passes(self, seconds: float) -> None:
        self.bench.loop(lambda: False, seconds)

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        self.bench.after(seconds, lambda: action() and None)

    def reported(self) -> list[tuple[float, str]]:
        """The time (s) of each detection, and its detector."""
        return [(round(e.t_ns / S, 3), e.data["by"]) for e in self.link.of_kind("error.detected")]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and wait until its pidfd says so."""
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_nothing_is_reported_of_a_service_that_answers(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), clock, {"kernel": Alarm(clock)})
    scene.detection.start()
    scene.passes(1.05)
    assert (scene.link.kinds(), scene.errors, scene.answers) == ([], 0, 10)


def test_a_probe_that_fails_is_an_error_once(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), clock)
    scene.detection.start()
    scene.at(0.45, lambda: setattr(scene.driver, "down", True))
    scene.passes(3.0)
    assert scene.reported() == [(0.5, "heartbeat")] and scene.errors == 1


def test_a_probe_that_takes_longer_than_its_deadline_is_an_error(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"probe": 1e6}), clock)
    scene.detection.start()
    scene.passes(5.0)
    assert scene.reported() == [(1.2, "heartbeat")], "begun at 0.1, overdue behind 1.1, seen at the next look"
    assert scene.link.of_kind("error.detected")[0].data["what"] == "no answer for 1 s"


def test_a_probe_just_within_its_deadline_is_none(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"probe": 1.0}), clock)
    scene.detection.start()
    scene.passes(5.0)
    assert scene.reported() == [] and scene.answers == 4


def test_the_exit_of_the_udriver_is_seen_at_once(clock: SimulatedClock, process: subprocess.Popen[bytes]) -> None:
    scene = Scene(SplitService(clock, pid=process.pid), clock)
    scene.detection.start()
    scene.at(0.25, lambda: end(process))
    scene.passes(2.0)
    assert scene.reported() == [(0.25, "pidfd")] and scene.errors == 1
    [died] = scene.link.of_kind("udriver.died")
    assert (died.t_ns, died.data) == (S // 4, {})


def test_a_udriver_that_is_gone_before_it_can_be_watched_is_an_error(clock: SimulatedClock) -> None:
    scene = Scene(SplitService(clock), clock)
    scene.detection.start()
    scene.passes(0.05)
    assert scene.reported() == [(0, "pidfd")]
    assert scene.link.of_kind("udriver.died")[0].data == {"how": "before it could be watched"}


def test_a_monitor_is_asked_at_every_beat(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), clock, {"kernel": Alarm(clock, [0.33]), "requests": Alarm(clock)})
    scene.detection.start()
    scene.passes(2.0)
    assert scene.reported() == [(0.4, "kernel")]
    assert scene.link.of_kind("error.detected")[0].data["what"] == "something is wrong"


def test_other_detectors_are_heard_before_anybody_acts(clock: SimulatedClock, process: subprocess.Popen[bytes]) -> None:
    scene = Scene(SplitService(clock, pid=process.pid), clock, {"kernel": Alarm(clock, [0.21])})
    scene.detection.start()
    scene.at(0.25, lambda: end(process))
    scene.passes(0.05 + 0.25)
    assert scene.reported() == [(0.25, "pidfd"), (0.25, "kernel")] and scene.errors == 1


def test_an_error_that_nobody_mends_is_gone_when_a_later_probe_is_answered(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), clock)
    scene.detection.start()
    scene.at(0.45, lambda: setattr(scene.driver, "down", True))
    scene.at(0.75, lambda: setattr(scene.driver, "down", False))
    scene.at(1.25, lambda: setattr(scene.driver, "down", True))
    scene.passes(1.4)
    assert scene.reported() == [(0.5, "heartbeat"), (1.3, "heartbeat")]
    assert [event.t_ns / S for event in scene.link.of_kind("error.gone")] == [pytest.approx(0.8)]


def test_a_probe_that_began_before_the_error_does_not_make_it_gone(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"probe": 0.3}), clock, {"kernel": Alarm(clock, [0.15])})
    scene.detection.start()
    scene.passes(0.45)
    assert scene.reported() == [(0.2, "kernel")] and scene.answers == 1, "begun at 0.1, answered at 0.4"
    assert scene.link.of_kind("error.gone") == []
    scene.passes(0.5)
    assert [event.t_ns / S for event in scene.link.of_kind("error.gone")] == [pytest.approx(0.8)]


def test_a_udriver_that_is_gone_stays_an_error_whatever_is_answered(clock: SimulatedClock) -> None:
    scene = Scene(SplitService(clock), clock)
    scene.detection.start()
    scene.passes(2.0)
    assert scene.answers > 10 and scene.link.of_kind("error.gone") == []


def test_while_paused_nothing_is_reported_and_afterwards_all_is_new(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), clock, {"kernel": Alarm(clock, [0.5])})
    scene.detection.start()
    scene.at(0.25, scene.detection.pause)
    scene.at(0.30, lambda: setattr(scene.driver, "down", True))
    scene.at(1.05, scene.detection.resume)
    scene.passes(2.0)
    assert scene.reported() == [(1.15, "heartbeat")], "the monitor's finding of the pause is forgotten"


def test_an_exit_during_a_pause_is_seen_when_watching_begins_anew(
    clock: SimulatedClock, process: subprocess.Popen[bytes]
) -> None:
    scene = Scene(SplitService(clock, pid=process.pid), clock)
    scene.detection.start()
    scene.at(0.2, scene.detection.pause)
    scene.at(0.3, lambda: end(process))
    scene.at(0.6, scene.detection.resume)
    scene.passes(1.0)
    assert scene.reported() == [(0.6, "pidfd")]


def test_a_heartbeat_that_hangs_is_left_behind_and_still_counts_as_probing(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"probe": 1.55}), clock)
    scene.detection.start()
    scene.at(0.5, scene.detection.pause)
    scene.passes(1.0)
    assert len(scene.detection.probing()) == 1
    scene.passes(1.0)
    assert scene.detection.probing() == [] and scene.answers == 0, "an answer after the pause says nothing"
