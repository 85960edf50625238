"""The agent's event loop: timers, requests, threads and maintenance, by a simulated clock."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import pytest

from faultkit.guest.bench import GuestBench
from faultkit.guest.clock import CLOCK
from faultkit.model.mailbox import LINE_BYTES, LOG, RAW
from tests.simulated import FakeLink, S, Service, SimulatedClock


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


@pytest.fixture
def bench(clock: SimulatedClock, link: FakeLink) -> GuestBench:
    return GuestBench(Service(clock), 7, link, clock)


def request(bench: GuestBench, op: str = "read", takes_s: float = 0.0, error: OSError | None = None) -> None:
    """One request of a workload."""
    with bench.request(op, block=1):
        bench.clock.sleep(takes_s)
        if error:
            raise error


def test_timers_run_in_the_loop_in_the_order_of_their_times(bench: GuestBench, clock: SimulatedClock) -> None:
    ran: list[tuple[str, float]] = []
    for name, delay_s in (("late", 0.3), ("early", 0.1), ("also early", 0.1), ("at once", 0)):
        bench.after(delay_s, lambda name=name: ran.append((name, clock.ns / S)))  # type: ignore[misc]
    assert ran == []
    assert bench.loop(lambda: len(ran) == 4, 1.0)
    assert ran == [("at once", 0), ("early", 0.1), ("also early", 0.1), ("late", 0.3)]


def test_a_loop_ends_at_its_deadline_whatever_is_due_later(bench: GuestBench, clock: SimulatedClock) -> None:
    ran: list[str] = []
    bench.after(3.0, lambda: ran.append("later"))
    assert not bench.loop(lambda: False, 2.0)
    assert (clock.ns, ran) == (2 * S, [])
    assert bench.loop(lambda: bool(ran), 2.0)
    assert clock.ns == 3 * S


def test_a_loop_whose_end_is_reached_already_takes_no_time(bench: GuestBench, clock: SimulatedClock) -> None:
    assert bench.loop(lambda: True, 5.0) and clock.ns == 0


def test_a_timer_that_always_comes_due_anew_does_not_keep_the_loop_from_its_deadline(bench: GuestBench) -> None:
    def again() -> None:
        bench.clock.sleep(0.01)
        bench.soon(again)

    bench.soon(again)
    assert not bench.loop(lambda: False, 1.0)


def test_another_threads_timer_wakes_a_loop_that_sleeps(bench: GuestBench, clock: SimulatedClock) -> None:
    seen: list[int] = []

    def other() -> None:
        clock.sleep(0.5)
        bench.soon(lambda: seen.append(clock.ns))

    clock.start_thread(other)
    assert bench.loop(lambda: bool(seen), 10.0)
    assert seen == [S // 2]


def test_a_descriptor_that_is_ready_wakes_the_loop_until_it_is_unwatched(
    bench: GuestBench, clock: SimulatedClock
) -> None:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    read: list[int] = []
    bench.watch(fd, lambda: read.append(os.eventfd_read(fd)))

    def other() -> None:
        clock.sleep(0.2)
        os.eventfd_write(fd, 41)

    clock.start_thread(other)
    assert bench.loop(lambda: bool(read), 5.0) and read == [41] and clock.ns == S // 5
    bench.unwatch(fd)
    os.eventfd_write(fd, 1)
    assert not bench.loop(lambda: len(read) > 1, 1.0)
    os.close(fd)


def test_work_in_a_thread_ends_in_the_loop(bench: GuestBench, clock: SimulatedClock) -> None:
    order: list[str] = []

    def work() -> None:
        clock.sleep(1.5)
        order.append("work")

    running = bench.in_thread(work, lambda: order.append("done"))
    assert running.is_alive()
    assert bench.loop(lambda: "done" in order, 5.0)
    assert order == ["work", "done"] and clock.ns == 1.5 * S and not running.is_alive()


def test_a_request_reports_its_issue_and_its_latency(bench: GuestBench, link: FakeLink) -> None:
    request(bench, takes_s=0.25)
    issued, completed = link.events()
    assert (issued.kind, issued.t_ns, issued.data) == ("request.issued", 0, {"n": 1, "op": "read", "block": 1})
    assert completed.kind == "request.completed"
    assert completed.data == {"n": 1, "op": "read", "latency_ns": S // 4}


def test_a_request_that_fails_says_so_and_raises(bench: GuestBench, link: FakeLink) -> None:
    with pytest.raises(OSError, match="busy"):
        request(bench, takes_s=0.5, error=OSError(16, "busy"))
    failed = link.of_kind("request.failed")[0]
    assert failed.data == {"n": 1, "op": "read", "latency_ns": S // 2, "error": "busy"}
    assert bench.stuck() == []


def test_requests_that_are_still_open_are_stuck_with_their_ages(bench: GuestBench, clock: SimulatedClock) -> None:
    for begins_s in (0.0, 1.0):
        clock.start_thread(partial(begin_later, bench, begins_s))
    clock.sleep(3.0)
    assert bench.stuck() == [(1, "read", 3 * S), (2, "read", 2 * S)]


def begin_later(bench: GuestBench, begins_s: float) -> None:
    """A request that never ends."""
    bench.clock.sleep(begins_s)
    request(bench, takes_s=1e6)


def test_actions_wait_for_their_request_and_run_before_it(bench: GuestBench, link: FakeLink) -> None:
    order: list[Any] = []
    bench.at_request(2, lambda: order.append(("second", link.kinds().count("request.issued"))))
    bench.at_request(2, lambda: order.append("once more"))
    request(bench)
    assert order == []
    bench.at_next_request(lambda: order.append("next"))
    request(bench)
    request(bench)
    assert order == [("second", 1), "once more", "next"]


def test_maintenance_is_reported_and_kept_from_the_detectors_in_the_loop(bench: GuestBench, link: FakeLink) -> None:
    order: list[tuple[str, int]] = []

    def note(what: str) -> None:
        order.append((what, len(link.events())))

    bench.on_maintenance(partial(note, "begins"), partial(note, "ends"))

    def workload() -> None:
        with bench.maintenance():
            note("driver taken down")

    ended: list[bool] = []
    bench.in_thread(workload, lambda: ended.append(True))
    assert order == []
    assert bench.loop(lambda: bool(ended), 1.0)
    assert order == [("begins", 0), ("driver taken down", 1), ("ends", 2)]
    assert link.kinds() == ["maintenance.began", "maintenance.ended"]


def test_maintenance_ends_also_when_the_driver_cannot_be_taken_down(bench: GuestBench, link: FakeLink) -> None:
    errors: list[str] = []

    def workload() -> None:
        try:
            with bench.maintenance():
                raise OSError(16, "busy")
        except OSError as reason:
            errors.append(reason.strerror)

    ended: list[bool] = []
    bench.in_thread(workload, lambda: ended.append(True))
    assert bench.loop(lambda: bool(ended), 1.0)
    assert errors == ["busy"] and link.kinds() == ["maintenance.began", "maintenance.ended"]


def test_what_recovery_reports_is_kept_for_the_policy_and_nothing_else_is(bench: GuestBench, link: FakeLink) -> None:
    bench.report("recovery", "error.detected", 5, by="pidfd", what="gone")
    bench.report("workload", "check.passed", 6)
    assert [event.kind for event in bench.recovery] == ["error.detected"]
    assert [*bench.reported()] == link.events() and len(link.events()) == 2


def test_events_that_do_not_fit_into_the_log_are_counted(bench: GuestBench) -> None:
    bench.report("workload", "check.failed", error="x" * LINE_BYTES)
    assert bench.unlogged == 1, "a line that the host would not read"
    for _ in range((RAW - LOG) // (LINE_BYTES - 200) + 1):
        bench.report("workload", "check.failed", error="x" * (LINE_BYTES - 200))
    assert bench.unlogged >= 2, "the log is full"


def test_the_host_gets_the_fault_and_its_label(bench: GuestBench, link: FakeLink) -> None:
    bench.call_host("fault", fault=3)  # type: ignore[arg-type]
    assert link.asked == ['{"fault": "fault", "label": {"fault": 3}}']


def test_the_agents_own_clock_waits_for_descriptors_and_runs_threads(link: FakeLink) -> None:
    bench = GuestBench(Service(SimulatedClock()), 7, link)
    assert bench.clock is CLOCK
    done: list[bool] = []
    bench.in_thread(lambda: CLOCK.sleep(0.001), lambda: done.append(True))
    assert bench.loop(lambda: bool(done), 5.0)
    assert not bench.loop(lambda: False, 0.001)
