"""When a fault is put in."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, islice, repeat
from threading import Lock

from faultkit.model.errors import NotPlaced
from faultkit.model.parts import Bench, Driver

Fire = Callable[[], None]
AHEAD = 64  # firings that are waited for at a time: more than requests that several threads may issue at once


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Before the workload's first request."""

    def arm(self, bench: Bench, fire: Fire) -> None:
        fire()


@dataclass(frozen=True, slots=True)
class AtRequest:
    """Just before the n-th request of the workload is issued, counted from 1."""

    nth: int

    def foresee(self, driver: Driver) -> None:
        del driver
        if self.nth < 1:
            raise NotPlaced(f"there is no request {self.nth}: the first is 1")

    def arm(self, bench: Bench, fire: Fire) -> None:
        bench.at_request(self.nth, fire)


@dataclass(frozen=True, slots=True)
class After:
    """When some virtual time has passed since the trial began."""

    delay_s: float

    def foresee(self, driver: Driver) -> None:
        del driver
        if not 0 <= self.delay_s < math.inf:
            raise NotPlaced(f"a delay of {self.delay_s} s means nothing: give seconds from 0 on")

    def arm(self, bench: Bench, fire: Fire) -> None:
        bench.after(self.delay_s, fire)


@dataclass(frozen=True, slots=True)
class Every:
    """Each time that `interval_s` of virtual time has passed, `times` times (0: up to the workload's end).

    Raises: ValueError unless `interval_s` > 0.
    """

    interval_s: float
    times: int = 0

    def __post_init__(self) -> None:
        if not self.interval_s > 0:
            raise ValueError(f"Every(interval_s={self.interval_s:g}): time must pass from one firing to the next")

    def arm(self, bench: Bench, fire: Fire) -> None:
        self._wait(bench, fire, 1)

    def _wait(self, bench: Bench, fire: Fire, n: int) -> None:
        bench.after(self.interval_s, partial(self._tick, bench, fire, n))

    def _tick(self, bench: Bench, fire: Fire, n: int) -> None:
        if n != self.times:
            self._wait(bench, fire, n + 1)  # first of all: a firing may take its time
        fire()


@dataclass(frozen=True, slots=True)
class WithProbability:
    """Just before each request with this probability, `times` times (0: up to the workload's end).

    The same `seed` means the same requests, whatever the workload does. Raises: ValueError unless
    0 < `probability` <= 1.
    """

    probability: float
    seed: int = 0
    times: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ValueError(f"WithProbability({self.probability:g}): give more than 0, and at most 1")

    def arm(self, bench: Bench, fire: Fire) -> None:
        numbers, lock = self.requests(), Lock()

        def wait() -> None:
            with lock:
                for n in islice(numbers, 1):
                    bench.at_request(n, reached)

        def reached() -> None:
            wait()
            fire()

        for _ in range(AHEAD):
            wait()

    def requests(self) -> Iterator[int]:
        """The numbers of the requests that it fires at, counted from 1."""
        rng = random.Random(self.seed)  # noqa: S311 -- repeatable, no secret
        numbers = accumulate(gap(rng.random(), self.probability) for _ in repeat(None))
        return islice(numbers, self.times) if self.times else numbers


def gap(uniform: float, probability: float) -> int:
    """The number of requests to the next firing: geometrically distributed, from a number in [0, 1)."""
    return 1 if probability == 1 else 1 + int(math.log(1 - uniform) / math.log(1 - probability))
