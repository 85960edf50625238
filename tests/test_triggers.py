"""When each trigger fires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.codec import dumps, loads
from faultkit.model.known import known
from faultkit.model.parts import Trigger
from faultkit.model.triggers import After, AtOnce, AtRequest, Every, WithProbability, gap
from tests.records import Nbd

ENDED_AT_S = 30.0


@dataclass(slots=True)
class Clockwork:
    """A bench whose time and requests are turned by hand."""

    driver: Nbd = field(default_factory=Nbd)
    seed: int = 0
    now_s: float = 0.0
    timers: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    waiting: dict[int, list[Callable[[], None]]] = field(default_factory=dict)

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.timers.append((self.now_s + delay_s, action))

    def at_request(self, n: int, action: Callable[[], None]) -> None:
        self.waiting.setdefault(n, []).append(action)

    def turn(self, until_s: float = ENDED_AT_S) -> None:
        while self.timers:
            self.timers.sort(key=lambda timer: timer[0])
            if self.timers[0][0] > until_s:
                return
            self.now_s, action = self.timers.pop(0)
            action()

    def issue(self, n: int) -> None:
        for action in self.waiting.pop(n, ()):
            action()


def firing_times(trigger: Trigger) -> list[float]:
    """When it fires within half a minute without requests."""
    bench, fired = Clockwork(), list[float]()
    trigger.arm(bench, lambda: fired.append(round(bench.now_s, 6)))  # type: ignore[arg-type]
    bench.turn()
    return fired


def firing_requests(trigger: Trigger, count: int) -> list[int]:
    """At which of so many requests it fires."""
    bench, fired, at = Clockwork(), list[int](), 0
    trigger.arm(bench, lambda: fired.append(at))  # type: ignore[arg-type]
    for at in range(1, count + 1):
        bench.issue(at)
    return fired


def test_triggers_that_fire_once() -> None:
    assert firing_times(AtOnce()) == [0.0]
    assert firing_times(After(1.5)) == [1.5]
    assert firing_times(AtRequest(3)) == [] and firing_requests(AtRequest(3), 10) == [3]


def test_every_interval_up_to_a_count_or_to_the_end() -> None:
    assert firing_times(Every(4.0, times=3)) == [4.0, 8.0, 12.0]
    assert firing_times(Every(8.0)) == [8.0, 16.0, 24.0]


def test_a_firing_that_takes_its_time_does_not_delay_the_next() -> None:
    bench, fired = Clockwork(), list[float]()

    def fire() -> None:
        fired.append(bench.now_s)
        bench.now_s += 0.7

    Every(1.0, times=3).arm(bench, fire)  # type: ignore[arg-type]
    bench.turn()
    assert fired == [1.0, 2.0, 3.0]


@given(st.floats(0.001, 1), st.integers(0, 2**64), st.integers(1, 9))
def test_the_same_seed_means_the_same_requests(probability: float, seed: int, times: int) -> None:
    trigger = WithProbability(probability, seed, times)
    numbers = list(trigger.requests())
    assert len(numbers) == times and numbers == sorted({*numbers}) and numbers[0] >= 1
    assert list(loads(dumps(trigger), known).requests()) == numbers
    longer = WithProbability(probability, seed, times=0).requests()
    assert list(islice(longer, times)) == numbers


def test_it_fires_at_the_requests_that_it_says() -> None:
    trigger = WithProbability(0.1, seed=7, times=5)
    numbers = list(trigger.requests())
    assert firing_requests(trigger, numbers[-1] + 50) == numbers


def test_without_a_count_it_fires_up_to_the_end() -> None:
    assert firing_requests(WithProbability(1.0, times=0), 500) == list(range(1, 501))
    assert firing_requests(WithProbability(1.0), 500) == [1]


def test_the_share_of_requests_is_the_probability() -> None:
    assert 900 < len(firing_requests(WithProbability(0.1, seed=1, times=0), 10_000)) < 1100


@given(st.floats(0, 1, exclude_max=True), st.floats(1e-6, 1))
def test_a_gap_is_at_least_one_request(uniform: float, probability: float) -> None:
    assert gap(uniform, probability) >= 1


@pytest.mark.parametrize("interval_s", [0, -1])
def test_an_interval_without_length_is_refused(interval_s: float) -> None:
    with pytest.raises(ValueError, match="time must pass"):
        Every(interval_s)


@pytest.mark.parametrize("probability", [0, -0.1, 1.1])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="at most 1"):
        WithProbability(probability)
