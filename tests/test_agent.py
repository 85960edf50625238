"""The agent's one trial, by a simulated clock: deadlines, stuck requests, the check, and what is handed over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import pytest

from faultkit import AtRequest, Nothing, ReloadKDriver, Trial
from faultkit.guest.__main__ import CHECK_S, QUIET_S, SETTLE_S, report_failure, run_in_guest, warm_up
from faultkit.model.errors import HarnessError
from faultkit.model.events import Event
from faultkit.model.mailbox import State
from faultkit.model.parts import Side
from faultkit.model.vocabulary import problems
from tests.simulated import Alarm, FakeLink, Requests, S, Service, SimulatedClock


@dataclass(eq=False, slots=True)
class Broken:
    """A fault that takes the service away."""

    side: ClassVar[Side] = "k-driver"

    undone: list[int] = field(default_factory=list)
    installed: int = 0

    @contextmanager
    def inject(self, bench: Any) -> Iterator[None]:
        bench.driver.down = True
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        yield
        self.undone.append(bench.clock.now_ns())


@dataclass(eq=False, slots=True)
class Installed(Broken):
    """A fault that a trial begins with."""

    def install(self, bench: Any) -> None:
        self.installed += 1
        bench.report("injector", "fault.injected")


def trial(clock: SimulatedClock, **parts: Any) -> Trial:
    """A trial without a fault, unless `parts` say otherwise."""
    plain = Trial(driver=Service(clock), workload=Requests(clock), policy=Nothing(), seed=3)
    return replace(plain, **parts)


def ran(made: Trial, clock: SimulatedClock, watchers: Any = None) -> FakeLink:
    """The trial's run, up to the guest's end."""
    link = FakeLink(resumed_ns=clock.ns)
    run_in_guest(made, link, watchers or {}, clock)
    assert [problem for event in link.events() for problem in problems(event)] == []
    return link


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


def test_a_golden_trial_runs_from_its_start_to_its_end(clock: SimulatedClock) -> None:
    link = ran(trial(clock), clock)
    kinds = link.kinds()
    assert (kinds[0], kinds[-1]) == ("trial.started", "trial.finished")
    assert kinds[1:-1] == ["request.issued", "request.completed"] * 3 + ["workload.finished", "check.passed"]
    assert link.exchanged == [(State.DONE, '{"lost": {}}')]
    assert link.of_kind("workload.finished")[0].data == {"in_time": True}


def test_a_workload_that_does_not_end_gave_up_at_its_deadline(clock: SimulatedClock) -> None:
    link = ran(trial(clock, workload=Requests(clock, count=1000, every_s=0.9, deadline_s=7.0)), clock)
    [gave_up] = link.of_kind("workload.gave_up")
    assert (gave_up.t_ns, gave_up.data) == (7 * S, {"why": "not done after 7 s"})
    assert link.of_kind("request.stuck") == []
    assert link.of_kind("workload.finished")[0].data == {"in_time": False}
    assert link.of_kind("check.passed") == []


def test_a_request_that_never_ends_is_stuck_at_the_deadline(clock: SimulatedClock) -> None:
    link = ran(trial(clock, workload=Requests(clock, stuck=2, deadline_s=7.0)), clock)
    [stuck] = link.of_kind("request.stuck")
    assert stuck.data == {"n": 2, "op": "write", "age_ns": 7 * S - 110_000_000}
    assert link.of_kind("workload.gave_up") == []


def test_a_workload_that_never_ends_between_two_requests_is_stuck(clock: SimulatedClock) -> None:
    """A close() or fsync() outside of any request, say."""
    link = ran(trial(clock, workload=Requests(clock, every_s=1e6, deadline_s=7.0)), clock)
    [stuck] = link.of_kind("request.stuck")
    assert stuck.data == {"n": 0, "op": "between requests", "age_ns": 7 * S - 10_000_000}
    assert link.of_kind("workload.gave_up") == [] and link.of_kind("trial.finished")


def test_a_workload_that_never_begins_a_request_is_stuck(clock: SimulatedClock) -> None:
    link = ran(trial(clock, workload=Opens(clock, deadline_s=7.0)), clock)
    [stuck] = link.of_kind("request.stuck")
    assert stuck.data == {"n": 0, "op": "between requests", "age_ns": 7 * S}


@dataclass(frozen=True, slots=True)
class Opens(Requests):
    """A workload whose open() never ends."""

    def run(self, bench: Any) -> Callable[[], None]:
        self.clock.sleep(1e6)
        return self.check(bench)


def test_a_check_that_never_ends_is_stuck(clock: SimulatedClock) -> None:
    link = ran(trial(clock, workload=Requests(clock, check_s=100.0)), clock)
    [stuck] = link.of_kind("request.stuck")
    assert stuck.data == {"n": 0, "op": "check", "age_ns": CHECK_S * S}


def test_the_check_waits_for_a_recovery_that_is_under_way(clock: SimulatedClock) -> None:
    driver = Service(clock, takes_s={"load": 4.0})
    made = trial(clock, driver=driver, policy=ReloadKDriver(), fault=Broken(), trigger=AtRequest(2))
    link = ran(made, clock)
    assert link.kinds()[-3:] == ["service.restored", "check.passed", "trial.finished"]


def test_but_not_for_ever(clock: SimulatedClock) -> None:
    driver = Service(clock, fails={"load"})
    made = trial(clock, driver=driver, policy=ReloadKDriver(limit=99, backoff_s=5.0), fault=Broken(),
                 trigger=AtRequest(2))  # fmt: skip
    link = ran(made, clock)
    [finished], [check] = link.of_kind("workload.finished"), link.of_kind("check.passed")
    assert check.t_ns - finished.t_ns == SETTLE_S * S
    assert [e for e in link.events() if e.kind.startswith("recovery.") and e.t_ns > check.t_ns] == []


def test_no_more_than_a_while_is_waited_for_a_probe_that_hangs(clock: SimulatedClock) -> None:
    link = ran(trial(clock, driver=Service(clock, takes_s={"probe": 1e6})), clock)
    [check], [finished] = link.of_kind("check.passed"), link.of_kind("trial.finished")
    assert finished.t_ns - check.t_ns == QUIET_S * S


def test_a_fault_is_put_in_before_its_request_and_undone_at_the_end(clock: SimulatedClock) -> None:
    fault = Broken()
    link = ran(trial(clock, fault=fault, trigger=AtRequest(2)), clock)
    kinds = link.kinds()
    assert kinds[1:6] == [
        "request.issued", "request.completed", "fault.injected", "fault.activated", "request.issued",
    ]  # fmt: skip
    assert len(fault.undone) == 1 and fault.undone[0] >= link.of_kind("workload.finished")[0].t_ns


def test_a_fault_that_a_trial_begins_with_is_there_before_the_first_request(clock: SimulatedClock) -> None:
    fault = Installed()
    link = ran(trial(clock, fault=fault, trigger=AtRequest(2)), clock)
    assert fault.installed == 1 and link.kinds()[:3] == ["trial.started", "fault.injected", "request.issued"]


@dataclass(eq=False, slots=True)
class Thawing(Service):
    """A driver that must be thawed."""

    thawed_at: list[int] = field(default_factory=list)

    def thaw(self) -> None:
        self.thawed_at.append(self.clock.ns)


def test_a_driver_is_thawed_first_of_all(clock: SimulatedClock) -> None:
    driver = Thawing(clock)
    ran(trial(clock, driver=driver), clock)
    assert driver.thawed_at == [0]


def test_what_the_monitors_saw_and_lost_is_handed_over(clock: SimulatedClock) -> None:
    too_much = b"x" * (12 << 20)
    watchers = {"one": Alarm(clock, data=b"seen", losses=2), "two": Alarm(clock, data=too_much)}
    link = ran(trial(clock), clock, watchers)
    assert link.mailbox.raw() == {"one": b"seen"}
    assert json.loads(link.exchanged[-1][1]) == {"lost": {"one": 2, "two": 1}}


def test_events_that_did_not_fit_into_the_log_are_told_as_the_agents_losses(clock: SimulatedClock) -> None:
    link = FakeLink()
    link.mailbox.clear = lambda: None  # type: ignore[method-assign]
    while link.mailbox.log(0, "workload", "check.failed", {"error": "x" * 60_000}):
        pass
    while link.mailbox.log(0, "workload", "check.failed", {"error": "x" * 200}):
        pass
    run_in_guest(trial(clock), link, {}, clock)
    assert json.loads(link.exchanged[-1][1])["lost"]["agent"] > 3


def test_a_service_that_does_not_work_without_a_fault_is_found_in_the_warm_up(
    clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faultkit.guest.__main__.GuestBench", partial(bench_on, clock))
    warm_up(Service(clock), Requests(clock), FakeLink())
    with pytest.raises(OSError, match=r"not work even without a fault: request\.failed .*'n': 2"):
        warm_up(Service(clock), Requests(clock, failing=frozenset({2})), FakeLink())


def bench_on(clock: SimulatedClock, driver: Any, seed: int, link: FakeLink) -> Any:
    """A bench that goes by this clock."""
    return REAL_BENCH(driver, seed, link, clock)


REAL_BENCH: Callable[..., Any] = warm_up.__globals__["GuestBench"]


def failure(reason: BaseException) -> dict[str, str]:
    """The report of a failure, as the host reads it."""
    link = FakeLink()
    try:
        raise reason
    except type(reason) as caught:
        report_failure(link, caught)
    [(state, text)] = link.exchanged
    assert state is State.BROKEN
    found: dict[str, str] = json.loads(text)
    return found


def test_an_expected_failure_is_told_by_its_words_alone() -> None:
    assert failure(HarnessError("no such action")) == {
        "error": "HarnessError: no such action", "kind": "HarnessError",
    }  # fmt: skip
    assert failure(OSError(5, "Input/output error"))["error"] == "OSError: [Errno 5] Input/output error"


def test_an_unexpected_one_with_the_place_in_the_source() -> None:
    told = failure(ZeroDivisionError("division by zero"))
    assert told["kind"] == "ZeroDivisionError" and "(test_agent.py:" in told["error"]


def test_two_runs_are_event_for_event_the_same() -> None:
    def once() -> list[Event]:
        clock = SimulatedClock()
        driver = Service(clock, takes_s={"load": 0.3})
        return ran(
            trial(clock, driver=driver, policy=ReloadKDriver(), fault=Broken(), trigger=AtRequest(2)), clock
        ).events()

    assert once() == once()


class Wordless(OSError):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise SystemExit("no words")


LONG = "x" * (20 << 20)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Wordless(), "Wordless: Wordless, whose text cannot be made"),
        (OSError(LONG), f"OSError: {LONG[:500]}..."),
        (HarnessError(LONG), f"HarnessError: {LONG[:500]}..."),
    ],
    ids=("wordless", "long", "long of our own"),
)
def test_an_error_that_cannot_be_told_is_told_in_short(reason: Exception, told: str) -> None:
    assert failure(reason)["error"] == told


@dataclass(frozen=True, slots=True)
class Failing(Requests):
    """A workload whose only request fails for a reason."""

    reason: Any = None

    def run(self, bench: Any) -> Any:
        with suppress(OSError), bench.request("read"):
            raise self.reason
        return lambda: bench.report("workload", "check.passed")


@pytest.mark.parametrize("reason", [Wordless(), OSError(LONG), OSError(5, LONG)], ids=("wordless", "long", "a number"))
def test_a_request_that_fails_so_is_a_failure_that_is_told(clock: SimulatedClock, reason: OSError) -> None:
    link = ran(trial(clock, workload=Failing(clock, reason=reason)), clock)
    [failed] = link.of_kind("request.failed")
    assert 0 < len(failed.data["error"]) < 600
    assert json.loads(link.exchanged[-1][1]) == {"lost": {}}
