"""The recovery controller of a running trial, by a simulated clock: attempts, their deadlines, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from faultkit import Escalate, GiveUp, Nothing, ReloadKDriver, ReloadWithState, RestartUDriver
from faultkit.guest.bench import GuestBench
from faultkit.guest.recovery import ATTEMPT_S, COME_BACK_S, Controller
from faultkit.model.errors import HarnessError
from faultkit.model.trial import Detectors
from tests.simulated import Alarm, FakeLink, S, Service, SimulatedClock, SplitService


@dataclass
class Scene:
    """A driver under a controller."""

    driver: Service
    policy: Any
    clock: SimulatedClock
    watchers: dict[str, Alarm] = field(default_factory=dict)
    link: FakeLink = field(default_factory=FakeLink)

    def __post_init__(self) -> None:
        self.bench = GuestBench(self.driver, 1, self.link, self.clock)
        self.controller = Controller(self.bench, self.policy, Detectors(), self.watchers)

    def passes(self, seconds: float) -> None:
        self.bench.loop(lambda: False, seconds)

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        self.bench.after(seconds, lambda: action() and None)

    def fails_at(self, seconds: float) -> None:
        self.at(seconds, lambda: setattr(self.driver, "down", True))

    def story(self) -> list[tuple[str, float]]:
        """The events of recovery with their times, without the steps of its attempts."""
        own = [event for event in self.bench.recovery if event.kind != "recovery.step"]
        return [(event.kind, round(event.t_ns / S, 3)) for event in own]

    def finished(self) -> list[tuple[bool, str | None]]:
        """The end of each attempt: whether it worked, and the error."""
        return [(e.data["ok"], e.data["error"]) for e in self.link.of_kind("recovery.finished")]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def processes() -> Iterator[Callable[[], int]]:
    """Each call starts a process, and gives its number."""
    with ExitStack() as all_of_them:

        def start() -> int:
            child = all_of_them.enter_context(subprocess.Popen(["sleep", "60"]))
            all_of_them.callback(child.kill)
            return child.pid

        yield start


def end(pid: int) -> None:
    """Kill a process, and wait until its pidfd says so."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_service_that_fails_is_reloaded_and_restored(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"load": 0.2}), ReloadKDriver(), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(2 * ATTEMPT_S)  # its deadline passes, and nothing comes of that
    assert scene.driver.done == [("detach", 0.5), ("unload", 0.5), ("load", 0.5), ("attach", 0.7)]
    assert scene.story() == [
        ("error.detected", 0.5), ("recovery.started", 0.5), ("recovery.finished", 0.7), ("service.restored", 0.7),
    ]  # fmt: skip
    assert scene.finished() == [(True, None)] and not scene.controller.busy


def test_each_step_is_reported_when_it_begins_and_the_probe_is_the_last(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"unload": 0.1, "load": 0.2}), ReloadKDriver(), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(2.0)
    steps = [(event.data["step"], round(event.t_ns / S, 3)) for event in scene.link.of_kind("recovery.step")]
    assert steps == [("detach", 0.5), ("unload", 0.5), ("load", 0.6), ("attach", 0.8), ("probe", 0.8)]


def test_under_nothing_nobody_acts(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), Nothing(), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(3.0)
    assert scene.story() == [("error.detected", 0.5)] and scene.driver.done == []


def test_a_step_that_fails_ends_its_attempt_and_the_next_waits(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, fails={"unload"}), ReloadKDriver(limit=2, backoff_s=0.5), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(3.0)
    assert scene.finished() == [(False, "unload failed")] * 2
    assert scene.story() == [
        ("error.detected", 0.5),
        ("recovery.started", 0.5), ("recovery.finished", 0.5),
        ("recovery.started", 1.0), ("recovery.finished", 1.0),
        ("recovery.gave_up", 1.0),
    ]  # fmt: skip


def test_an_attempt_that_hangs_is_cut_short_at_its_deadline_and_takes_no_further_step(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"unload": 30.0}), ReloadKDriver(limit=1), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(60.0)
    assert scene.finished() == [(False, f"no end after {ATTEMPT_S:g} s")]
    assert scene.story()[-2:] == [("recovery.finished", 0.5 + ATTEMPT_S), ("recovery.gave_up", 0.5 + ATTEMPT_S)]
    assert "load" not in scene.driver.steps(), "the hung step came to its end at 30.5 s, and nothing followed it"


def test_a_service_that_does_not_come_back_within_its_time_is_no_success(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, fails={"probe"}), ReloadKDriver(limit=1), clock)
    scene.controller.start()
    scene.passes(10.0)
    assert scene.finished() == [(False, "no answer")]
    [start], [finish] = scene.link.of_kind("recovery.started"), scene.link.of_kind("recovery.finished")
    assert COME_BACK_S <= (finish.t_ns - start.t_ns) / S <= COME_BACK_S + 0.02


def test_a_new_udriver_that_exits_cuts_its_attempt_short(clock: SimulatedClock, processes: Callable[[], int]) -> None:
    driver = SplitService(clock, pid=processes(), next_pid=processes, takes_s={"reattach": 5.0})
    scene = Scene(driver, RestartUDriver(limit=1), clock)
    scene.controller.start()
    scene.at(0.25, lambda: end(driver.pid))
    scene.at(1.0, lambda: end(driver.pid))
    scene.passes(3.0)
    assert scene.story() == [
        ("udriver.died", 0.25), ("error.detected", 0.25), ("recovery.started", 0.25),
        ("udriver.died", 1.0), ("recovery.finished", 1.0), ("recovery.gave_up", 1.0),
    ]  # fmt: skip
    assert scene.finished() == [(False, "the new u-driver is gone, too")]


def test_a_udriver_that_exits_is_replaced_and_the_new_one_is_watched(
    clock: SimulatedClock, processes: Callable[[], int]
) -> None:
    driver = SplitService(clock, pid=processes(), next_pid=processes)
    scene = Scene(driver, RestartUDriver(), clock)
    scene.controller.start()
    scene.at(0.25, lambda: end(driver.pid))
    scene.at(2.0, lambda: end(driver.pid))
    scene.passes(4.0)
    died = [at_s for kind, at_s in scene.story() if kind == "udriver.died"]
    assert died == [0.25, 2.0]
    assert driver.steps() == ["stop_udriver", "start_udriver", "reattach"] * 2
    assert scene.finished() == [(True, None)] * 2


def test_during_an_attempt_no_detector_reports(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"load": 3.0}), ReloadKDriver(), clock, {"kernel": Alarm(clock, [0.4, 1.0])})
    scene.controller.start()
    scene.passes(5.0)
    assert [kind for kind, _ in scene.story()].count("error.detected") == 1
    assert scene.finished() == [(True, None)]


def test_escalation_goes_on_with_the_next_remedy(clock: SimulatedClock, processes: Callable[[], int]) -> None:
    driver = SplitService(clock, pid=processes(), next_pid=processes, fails={"reattach"})
    scene = Scene(driver, Escalate(), clock)
    scene.controller.start()
    scene.at(0.25, lambda: end(driver.pid))
    scene.passes(5.0)
    assert [event.data["action"] for event in scene.link.of_kind("recovery.started")] == ["restart", "reload"]
    assert scene.finished() == [(False, "reattach failed"), (True, None)]


def test_giving_up_takes_the_service_down_for_good(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"detach": 2.0}), GiveUp(), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(1.0)
    assert scene.controller.busy and scene.controller.ended
    scene.passes(2.0)
    assert not scene.controller.busy and scene.driver.steps() == ["detach"]
    assert scene.story() == [("error.detected", 0.5), ("recovery.gave_up", 0.5)]


def test_watchers_step_aside_while_the_driver_is_unloaded(clock: SimulatedClock) -> None:
    alarm = Alarm(clock, [0.2])
    scene = Scene(Service(clock), ReloadKDriver(), clock, {"calls": alarm})
    scene.controller.start()
    scene.passes(1.0)
    assert alarm.stepped_aside == 1 and scene.finished() == [(True, None)]


def test_in_maintenance_nobody_acts_and_afterwards_the_service_is_watched(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), ReloadKDriver(), clock)
    scene.controller.start()

    def workload() -> None:
        clock.sleep(0.25)
        with scene.bench.maintenance():
            scene.driver.down = True
            clock.sleep(2.0)

    clock.start_thread(workload)
    scene.passes(3.0)
    assert scene.story()[0] == ("error.detected", 2.35)
    assert clock.failures == []


def test_maintenance_does_not_wake_the_detectors_of_an_attempt(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"load": 4.0}), ReloadKDriver(), clock)
    scene.controller.start()
    scene.fails_at(0.45)

    def workload() -> None:
        clock.sleep(1.0)
        with scene.bench.maintenance():
            clock.sleep(0.5)

    clock.start_thread(workload)
    scene.passes(4.0)
    assert scene.story() == [("error.detected", 0.5), ("recovery.started", 0.5)]


def test_after_the_stop_nothing_is_begun_and_nothing_reported(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), ReloadKDriver(), clock)
    scene.controller.start()
    scene.at(0.4, scene.controller.stop)
    scene.fails_at(0.45)
    scene.passes(3.0)
    assert scene.story() == [] and scene.controller.quiet()


def test_an_attempt_under_way_at_the_stop_is_left_to_itself(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"load": 1.0}), ReloadKDriver(), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.at(0.8, scene.controller.stop)
    scene.passes(5.0)
    assert [kind for kind, _ in scene.story()] == ["error.detected", "recovery.started"]
    assert scene.driver.steps()[-1] == "attach"


def test_a_probe_that_hangs_at_the_stop_is_not_quiet(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock, takes_s={"probe": 0.9}), ReloadKDriver(), clock)
    scene.controller.start()
    scene.at(0.5, scene.controller.stop)
    scene.passes(0.6)
    assert not scene.controller.quiet()
    scene.passes(0.6)
    assert scene.controller.quiet()


def test_a_policy_that_restores_state_needs_a_driver_that_keeps_it(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), Escalate((RestartUDriver(), ReloadWithState())), clock)
    with pytest.raises(HarnessError, match="Service keeps no state"):
        scene.controller.start()


@dataclass(eq=False, slots=True)
class Configured(Service):
    """A driver with a setting."""

    setting: str = "MTU 1500"

    def save(self) -> str:
        return self.setting

    def restore(self, state: str) -> None:
        self.done.append((f"restore {state}", 0.0))


def test_the_state_of_the_last_answered_probe_is_restored(clock: SimulatedClock) -> None:
    driver = Configured(clock)
    scene = Scene(driver, ReloadWithState(), clock)
    scene.controller.start()
    scene.at(0.35, lambda: setattr(driver, "setting", "MTU 9000"))
    scene.at(0.45, lambda: setattr(driver, "down", True))
    scene.at(0.46, lambda: setattr(driver, "setting", "lost"))
    scene.passes(2.0)
    assert "restore MTU 9000" in driver.steps()


def test_an_action_that_does_not_fit_the_driver_is_the_experiments_fault(clock: SimulatedClock) -> None:
    scene = Scene(Service(clock), RestartUDriver(), clock)
    scene.controller.start()
    scene.fails_at(0.45)
    scene.passes(1.0)
    [reason] = clock.failures
    assert isinstance(reason, HarnessError) and "Service has no u-driver" in str(reason)
