"""The test bench inside the guest: a log of events, the count of requests, and one event loop."""

from __future__ import annotations

import json
import os
import selectors
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from heapq import heappop, heappush
from itertools import count, starmap
from typing import Any

from faultkit.guest.clock import CLOCK, Clock, Running
from faultkit.guest.host import HostLink
from faultkit.model.codec import encode
from faultkit.model.errors import words_of
from faultkit.model.events import Event, Kind
from faultkit.model.parts import Driver, HostSide

Callback = Callable[[], None]


class GuestBench:
    """The agent's `faultkit.model.parts.Bench`.

    Requests and reports may come from any thread; callbacks of `after` and `watch` run in the thread that calls `loop`.
    """

    def __init__(self, driver: Driver, seed: int, host: HostLink, clock: Clock = CLOCK) -> None:
        self.driver = driver
        self.seed = seed
        self.recovery: list[Event] = []  # reported by the detectors and by recovery
        self.unlogged = 0
        self.clock = clock
        self._host = host
        self._lock = threading.Lock()
        self._requests = 0
        self._open: dict[int, tuple[str, int]] = {}
        self._last_ns = clock.now_ns()  # when a request last began or ended
        self._at: dict[int, list[Callback]] = {}
        self._next: list[Callback] = []
        self._timers: list[tuple[int, int, Callback]] = []
        self._order = count()
        self._selector = selectors.DefaultSelector()
        self._maintained: list[tuple[Callback, Callback]] = []
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.watch(self._wake, self._awake)

    def report(self, source: str, kind: str, /, t_ns: int | None = None, **data: Any) -> None:
        """Append one event, in the log that the host reads, too."""
        t_ns = self.clock.now_ns() if t_ns is None else t_ns
        with self._lock:
            if source == "recovery":
                self.recovery.append(Event(t_ns, source, kind, data))
            self.unlogged += not self._host.mailbox.log(t_ns, source, kind, data)

    def reported(self) -> Iterator[Event]:
        """The events since the log was last cleared, read back from it.

        A list of them here would make each fork() of a new u-driver slower.
        """
        return starmap(Event, self._host.mailbox.lines())

    @contextmanager
    def request(self, op: str, **data: Any) -> Iterator[None]:
        """One workload request, from issue to completion or failure (OSError)."""
        with self._lock:
            self._requests += 1
            n = self._requests
        for action in self._at.pop(n, ()):
            action()
        with self._lock:
            waiting, self._next = self._next, []
        for action in waiting:
            action()
        self._last_ns = start = self.clock.now_ns()
        self._open[n] = (op, start)
        self.report("workload", Kind.REQUEST_ISSUED, start, n=n, op=op, **data)
        try:
            yield
        except OSError as reason:
            end = self.clock.now_ns()
            error = words_of(reason, of_system=True)
            self.report("workload", Kind.REQUEST_FAILED, end, n=n, op=op, latency_ns=end - start, error=error)
            raise
        else:
            end = self.clock.now_ns()
            self.report("workload", Kind.REQUEST_COMPLETED, end, n=n, op=op, latency_ns=end - start)
        finally:
            self._last_ns = self.clock.now_ns()
            del self._open[n]

    def stuck(self) -> list[tuple[int, str, int]]:
        """Requests that have neither completed nor failed: number, operation, age in nanoseconds."""
        now = self.clock.now_ns()
        return [(n, op, now - start) for n, (op, start) in sorted(self._open.items())]

    def idle_ns(self) -> int:
        """The time since a request last began or ended, in nanoseconds."""
        return self.clock.now_ns() - self._last_ns

    def at_request(self, n: int, action: Callback) -> None:
        """Run `action` just before the n-th request is issued."""
        self._at.setdefault(n, []).append(action)

    def at_next_request(self, action: Callback) -> None:
        """Run `action` just before the next request is issued."""
        with self._lock:
            self._next.append(action)

    def after(self, delay_s: float, action: Callback) -> None:
        """Run `action` in the loop when `delay_s` has passed."""
        with self._lock:
            heappush(self._timers, (self.clock.now_ns() + round(delay_s * 1e9), next(self._order), action))
        os.eventfd_write(self._wake, 1)

    def soon(self, action: Callback) -> None:
        """Run `action` in the loop's next turn; for other threads."""
        self.after(0, action)

    def in_thread(self, work: Callback, done: Callback) -> Running:
        """Do `work`, which may block for ever, in a thread of its own; then run `done` in the loop."""
        return self.clock.start_thread(partial(both, work, partial(self.soon, done)))

    def watch(self, fd: int, action: Callback) -> None:
        """Run `action` in the loop whenever `fd` is readable."""
        self._selector.register(fd, selectors.EVENT_READ, action)

    def unwatch(self, fd: int) -> None:
        """Stop watching `fd`."""
        self._selector.unregister(fd)

    def on_maintenance(self, begins: Callback, ends: Callback) -> None:
        """Run one action in the loop when maintenance begins, and another when it ends."""
        self._maintained.append((begins, ends))

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """A time in which nothing that happens to the driver counts as an error. Not for the loop's own thread."""
        for begins, _ in self._maintained:
            self._do_in_loop(begins)
        self.report("agent", Kind.MAINTENANCE_BEGAN)
        try:
            yield
        finally:
            self.report("agent", Kind.MAINTENANCE_ENDED)
            for _, ends in self._maintained:
                self._do_in_loop(ends)

    def _do_in_loop(self, action: Callback) -> None:
        """Let the loop run an action, and wait for its end."""
        done = self.clock.signal()
        self.soon(partial(both, action, done.set))
        done.wait()

    def call_host(self, fault: HostSide, /, **label: Any) -> None:
        """Stop the guest until the fault's host side has acted. Raises: NotPlaced."""
        self._host.call(json.dumps({"fault": encode(fault), "label": label}))

    def loop(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Run callbacks until `done()`; False if `timeout_s` of virtual time passed first."""
        deadline = self.clock.now_ns() + round(timeout_s * 1e9)
        while not done():
            now = self.clock.now_ns()
            if now >= deadline:
                return False
            until = min(self._timers[0][0] if self._timers else deadline, deadline)
            for key, _ in self.clock.select(self._selector, max(0, until - now) / 1e9):
                key.data()
            self._run_timers()
        return True

    def _awake(self) -> None:
        os.eventfd_read(self._wake)

    def _run_timers(self) -> None:
        now = self.clock.now_ns()  # later ones must wait: the loop looks at its own deadline first
        while self._timers and self._timers[0][0] <= now:
            with self._lock:
                _, _, action = heappop(self._timers)
            action()


def both(first: Callback, second: Callback) -> None:
    """Run two actions, one after the other."""
    first()
    second()
