"""A guest's agent without a guest: a clock that jumps to the next thing that happens, and a mailbox that nobody reads.

Threads are real, but one runs at a time: up to the moment at which it waits by the clock. Then the thread runs whose
wait is over, and if there is none, time jumps to the end of the shortest wait. So seconds of virtual time take
milliseconds, and each run is like every other.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, starmap
from selectors import BaseSelector, SelectorKey
from typing import Any

from faultkit.guest.clock import Clock
from faultkit.guest.host import HostLink
from faultkit.model.errors import NotPlaced
from faultkit.model.events import Event
from faultkit.model.mailbox import SIZE, Mailbox, State

STALLED_S = 10.0  # of real time: no test computes for so long
S = 1_000_000_000


@dataclass(eq=False, slots=True)
class Waiter:
    """A thread that waits: until it is ready, or until a time."""

    ready: Callable[[], bool]
    until_ns: int | None = None
    running: bool = False

    def due_ns(self, now_ns: int) -> int | None:
        """The time at which it may run on; None if nothing but another thread can make it ready."""
        return now_ns if self.ready() else self.until_ns


@dataclass(eq=False, slots=True)
class Started:
    """A thread that was started."""

    ended: bool = False

    def is_alive(self) -> bool:
        return not self.ended


@dataclass(eq=False, slots=True)
class Flag:
    """A `threading.Event` by a simulated clock."""

    clock: SimulatedClock
    is_set: bool = False

    def set(self) -> None:
        self.is_set = True

    def wait(self) -> None:
        self.clock.wait(lambda: self.is_set)


class SimulatedClock(Clock):
    """Time that passes only while every thread waits for it."""

    def __init__(self) -> None:
        self.ns = 0
        self.failures: list[BaseException] = []
        self._turn = threading.Condition()
        self._waiters: list[Waiter] = []
        self.now_ns = lambda: self.ns  # type: ignore[method-assign]
        self.sleep = self._sleep  # type: ignore[method-assign]
        self.signal = lambda: Flag(self)

    def _sleep(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def select(self, selector: BaseSelector, timeout_s: float) -> list[tuple[SelectorKey, int]]:
        self.wait(lambda: bool(selector.select(0)), timeout_s)
        return selector.select(0)

    def start_thread(self, work: Callable[[], None]) -> Started:
        started, first = Started(), Waiter(lambda: True)

        def run() -> None:
            with self._turn:
                self._until_running(first)
            try:
                work()
            except BaseException as reason:
                self.failures.append(reason)
            started.ended = True
            with self._turn:
                self._pass_on()

        with self._turn:
            self._waiters.append(first)
        threading.Thread(target=run, daemon=True).start()
        return started

    def wait(self, ready: Callable[[], bool], seconds: float | None = None) -> None:
        """Let other threads run until it is ready, or so much time has passed (None: for ever)."""
        me = Waiter(ready, None if seconds is None else self.ns + round(seconds * S))
        with self._turn:
            self._waiters.append(me)
            self._pass_on()
            self._until_running(me)

    def _pass_on(self) -> None:
        """The thread that waits for the shortest time is the next to run; of equal ones the first that waited."""
        due = [(at_ns, n) for n, each in enumerate(self._waiters) if (at_ns := each.due_ns(self.ns)) is not None]
        if due:
            at_ns, n = min(due)
            self.ns = max(self.ns, at_ns)
            self._waiters.pop(n).running = True
            self._turn.notify_all()

    def _until_running(self, waiter: Waiter) -> None:
        if not self._turn.wait_for(lambda: waiter.running, STALLED_S):
            raise AssertionError(f"every thread waits for ever, at {self.ns / S:g} s")


@dataclass
class FakeLink(HostLink):
    """A host that notes what it is given and answers at once."""

    refusal: str = ""  # of a fault's host side
    exchanged: list[tuple[State, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    resumed_ns: int = 0

    def __post_init__(self) -> None:
        self.mailbox = Mailbox(mmap.mmap(-1, SIZE))

    def exchange(self, state: State, text: str = "") -> str:
        self.exchanged.append((state, text))
        return ""

    def call(self, request: str) -> None:
        self.asked.append(request)
        if self.refusal:
            raise NotPlaced(self.refusal)

    def events(self) -> list[Event]:
        """The reported events."""
        return [*starmap(Event, self.mailbox.lines())]

    def kinds(self) -> list[str]:
        """The kinds of the reported events."""
        return [event.kind for event in self.events()]

    def of_kind(self, kind: str) -> list[Event]:
        """The reported events of one kind."""
        return [event for event in self.events() if event.kind == kind]


@dataclass(eq=False, slots=True)
class Service:
    """A driver whose service a test takes away. It notes each step with its time, in seconds.

    `takes_s`: how long a step takes (the name "probe" among them); `fails`: steps that raise an error each time.
    `down`: the probe fails until the driver is loaded or attached anew.
    """

    clock: SimulatedClock
    takes_s: dict[str, float] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    down: bool = False
    done: list[tuple[str, float]] = field(default_factory=list)
    modules: tuple[str, ...] = ("service",)
    device: str = ""
    qemu_devices: tuple[str, ...] = ()

    def step(self, name: str, *, mends: bool = False) -> None:
        self.done.append((name, round(self.clock.ns / S, 6)))
        if name in self.takes_s:
            self.clock.sleep(self.takes_s[name])
        if name in self.fails:
            raise OSError(5, f"{name} failed")
        self.down = self.down and not mends

    def load(self) -> None:
        self.step("load", mends=True)

    def unload(self) -> None:
        self.step("unload")

    def attach(self) -> None:
        self.step("attach")

    def detach(self) -> None:
        self.step("detach")

    def probe(self) -> None:
        if "probe" in self.takes_s:
            self.clock.sleep(self.takes_s["probe"])
        if self.down or "probe" in self.fails:
            raise OSError(5, "no answer")

    def steps(self) -> list[str]:
        """The steps so far, without their times."""
        return [name for name, _ in self.done]


@dataclass(eq=False, slots=True)
class SplitService(Service):
    """The same, with a u-driver; `pid` is a process of the test's."""

    pid: int = 0
    udriver: str = "service"
    next_pid: Callable[[], int] = lambda: 0

    def udriver_pid(self) -> int:
        if not self.pid:
            raise OSError(3, "no u-driver")
        return self.pid

    def start_udriver(self) -> None:
        self.pid = self.next_pid()
        self.step("start_udriver", mends=True)

    def stop_udriver(self) -> None:
        self.step("stop_udriver")
        self.pid = 0

    def reattach(self) -> None:
        self.step("reattach")


@dataclass(frozen=True, slots=True)
class Requests:
    """A workload: `count` requests, one every `every_s`; `takes_s` each; those in `failing` fail.

    `gives_up`: it ends with the first that fails.
    """

    clock: SimulatedClock
    count: int = 3
    every_s: float = 0.1
    takes_s: float = 0.01
    failing: frozenset[int] = frozenset()
    stuck: int = 0  # the number of the request that never ends
    check_s: float = 0.0
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Any) -> Callable[[], None]:
        for n in range(1, self.count + 1):
            self.one(bench, n)
            self.clock.sleep(self.every_s)
        return self.check(bench)

    def one(self, bench: Any, n: int) -> None:
        try:
            with bench.request("write", block=n):
                self.clock.sleep(1e6 if n == self.stuck else self.takes_s)
                if n in self.failing:
                    raise OSError(5, "Input/output error")
        except OSError:
            pass

    def check(self, bench: Any) -> Callable[[], None]:
        def look() -> None:
            self.clock.sleep(self.check_s)
            bench.report("workload", "check.passed")

        return look


@dataclass(eq=False, slots=True)
class Alarm:
    """A monitor's watcher that finds an error at each of these times (s), and tells of it at the next look."""

    clock: SimulatedClock
    at_s: list[float] = field(default_factory=list)
    losses: int = 0
    data: bytes = b""
    stepped_aside: int = 0

    def reset(self) -> None: ...

    def collect(self) -> bytes:
        return self.data

    def lost(self) -> int:
        return self.losses

    def buffer(self) -> None:
        return None

    def error(self) -> str | None:
        due = [at for at in self.at_s if at * S <= self.clock.ns]
        self.at_s = [at for at in self.at_s if at not in due]
        return "something is wrong" if due else None

    @contextmanager
    def aside(self) -> Iterator[None]:
        self.stepped_aside += 1
        yield


def numbered() -> Callable[[], int]:
    """1, 2, 3, ..."""
    numbers = count(1)
    return lambda: next(numbers)
