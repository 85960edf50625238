"""A trial's fault: each time that its trigger fires it is put in anew, and at the end it is undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from faultkit import After, AtOnce, AtRequest, Every, Nothing, Trial
from faultkit.guest.bench import GuestBench
from faultkit.guest.injection import Injection
from faultkit.model.errors import NotPlaced
from faultkit.model.parts import Side
from tests.simulated import FakeLink, Requests, S, Service, SimulatedClock


@dataclass(eq=False, slots=True)
class Noted:
    """A fault that notes when it is put in and taken back; from the `fails_from`-th time on it cannot be put in."""

    side: ClassVar[Side] = "k-driver"

    fails_from: int = 99
    error: Exception = field(default_factory=lambda: NotPlaced("no u-driver"))
    notes: list[tuple[str, float]] = field(default_factory=list)
    times: int = 0

    @contextmanager
    def inject(self, bench: Any) -> Iterator[None]:
        self.times += 1
        if self.times >= self.fails_from:
            raise self.error
        self.notes.append(("in", bench.clock.now_ns() / S))
        yield
        self.notes.append(("out", bench.clock.now_ns() / S))


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


def scene(clock: SimulatedClock, fault: Any, trigger: Any) -> tuple[GuestBench, Injection, FakeLink]:
    """A bench, and the injection of a trial with this fault."""
    link = FakeLink()
    driver = Service(clock)
    bench = GuestBench(driver, 1, link, clock)
    made = Trial(
        driver=driver, workload=Requests(clock), policy=Nothing(), seed=1, fault=fault, trigger=trigger
    )  # fmt: skip
    return bench, Injection(bench, made), link


def passes(bench: GuestBench, seconds: float) -> None:
    bench.loop(lambda: False, seconds)


def test_at_once_is_at_once(clock: SimulatedClock) -> None:
    fault = Noted()
    _, injection, _ = scene(clock, fault, AtOnce())
    with injection:
        injection.arm()
        assert fault.notes == [("in", 0)]
    assert fault.notes == [("in", 0), ("out", 0)]


def test_after_a_time_in_the_loop(clock: SimulatedClock) -> None:
    fault = Noted()
    bench, injection, _ = scene(clock, fault, After(0.5))
    with injection:
        injection.arm()
        passes(bench, 2.0)
    assert fault.notes == [("in", 0.5), ("out", 2.0)]


def test_before_a_request_in_its_thread(clock: SimulatedClock) -> None:
    fault = Noted()
    bench, injection, link = scene(clock, fault, AtRequest(2))
    with injection:
        injection.arm()
        for _ in range(3):
            with bench.request("read"):
                clock.sleep(0.1)
    assert fault.notes == [("in", 0.1), ("out", pytest.approx(0.3))]
    assert link.kinds().count("request.completed") == 3


def test_again_and_again_each_time_after_the_last_was_taken_back(clock: SimulatedClock) -> None:
    fault = Noted()
    bench, injection, _ = scene(clock, fault, Every(0.5, times=3))
    with injection:
        injection.arm()
        passes(bench, 4.0)
    assert fault.notes == [
        ("in", 0.5), ("out", 1.0), ("in", 1.0), ("out", 1.5), ("in", 1.5), ("out", 4.0),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [NotPlaced("no u-driver"), OSError(3, "No such process")])
def test_the_first_time_it_must_go_in(clock: SimulatedClock, error: Exception) -> None:
    _, injection, link = scene(clock, Noted(fails_from=1, error=error), AtOnce())
    with pytest.raises(type(error)), injection:
        injection.arm()
    assert link.kinds() == []


def test_later_on_it_may_find_nothing_to_go_into(clock: SimulatedClock) -> None:
    fault = Noted(fails_from=2)
    bench, injection, link = scene(clock, fault, Every(0.5, times=3))
    with injection:
        injection.arm()
        passes(bench, 4.0)
    assert [(e.t_ns / S, e.data["why"]) for e in link.of_kind("fault.skipped")] == [
        (1.0, "no u-driver"), (1.5, "no u-driver"),
    ]  # fmt: skip
    assert fault.notes == [("in", 0.5), ("out", 1.0)]


def test_what_is_wrong_with_the_fault_itself_is_never_skipped(clock: SimulatedClock) -> None:
    bench, injection, _ = scene(clock, Noted(fails_from=2, error=ValueError("a mistake")), Every(0.5))
    with pytest.raises(ValueError, match="a mistake"), injection:
        injection.arm()
        passes(bench, 4.0)


def test_after_the_end_nothing_is_put_in_and_what_is_in_stays(clock: SimulatedClock) -> None:
    fault = Noted()
    bench, injection, _ = scene(clock, fault, Every(0.5))
    with injection:
        injection.arm()
        passes(bench, 0.7)
        injection.end()
        passes(bench, 2.0)
        assert fault.notes == [("in", 0.5)]
    assert fault.notes == [("in", 0.5), ("out", pytest.approx(2.7))]


def test_without_a_fault_there_is_nothing_to_arm(clock: SimulatedClock) -> None:
    bench, injection, link = scene(clock, None, None)
    with injection:
        injection.arm()
        passes(bench, 1.0)
    assert link.kinds() == []
