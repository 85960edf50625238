"""The recovery controller: detects, asks the policy, acts, and says whether the service is back.

Detectors: the u-driver's pidfd, a heartbeat (a small request through the device, with a deadline), and what
the monitors find wrong. Every part that may block for ever runs in a thread of its own; the controller only
looks at deadlines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

from faultkit.errors import HarnessError
from faultkit.guest.bench import GuestBench, in_thread
from faultkit.guest.commands import retry
from faultkit.protocols import Action, Driver, Policy, Split, StepsAside, Watcher

BEAT_S = 0.1  # between two probes, and between two looks at the detectors
BEAT_DEADLINE_S = 1.0  # a probe that takes longer tells of an error
ATTEMPT_S = 6.0  # a recovery attempt that takes longer has failed
COME_BACK_S = 3.0  # how long the probe may fail after the steps are done

Step = tuple[str, Callable[[], None]]


def steps(action: str, driver: Driver) -> list[Step]:
    """What an action does to a driver, in order. Raises: HarnessError if the driver has no such part."""
    reload = [driver.detach, driver.unload], [driver.load, driver.attach]
    if action == "reload":
        calls = [*reload[0], *reload[1]]
    elif not isinstance(driver, Split):
        raise HarnessError(f"{type(driver).__name__} has no u-driver: a policy that wants {action!r} does not fit it")
    elif action == "restart":
        calls = [driver.stop_udriver, driver.start_udriver, driver.reattach]
    elif action == "both":
        calls = [*reload[0], driver.stop_udriver, driver.start_udriver, *reload[1]]
    else:
        raise HarnessError(f"no recovery action is called {action!r}: there are restart, reload, both and give_up")
    return [(call.__name__, call) for call in calls]


@dataclass(slots=True)
class Heartbeat:
    """Probes the service over and over in a thread; a probe may block for as long as it likes."""

    driver: Driver
    failed: Callable[[str], None]
    since: float | None = None  # when the probe that is under way began
    paused: bool = False
    stopped: bool = False

    def run(self) -> None:
        while not self.stopped:
            time.sleep(BEAT_S)
            if not self.paused:
                self.beat()

    def beat(self) -> None:
        """One probe."""
        self.since = time.monotonic()
        try:
            self.driver.probe()
        except OSError as reason:
            if not self.paused:
                self.failed(reason.strerror or str(reason))
        finally:
            self.since = None

    def overdue(self) -> bool:
        """Whether the probe under way has missed its deadline."""
        since = self.since
        return since is not None and not self.paused and time.monotonic() - since > BEAT_DEADLINE_S


@dataclass(slots=True)
class Attempt:
    """One recovery attempt, run in a thread and abandoned when it takes too long."""

    bench: GuestBench
    action: str
    watchers: Sequence[Watcher]
    error: str | None = None

    def run(self) -> None:
        try:
            for name, call in steps(self.action, self.bench.driver):
                self.bench.report("recovery", "recovery.step", step=name)
                with ExitStack() as aside:
                    for watcher in self.watchers if name == "unload" else ():
                        if isinstance(watcher, StepsAside):
                            aside.enter_context(watcher.aside())
                    call()
            self.bench.report("recovery", "recovery.step", step="probe")
            retry(self.bench.driver.probe, COME_BACK_S)
        except OSError as reason:
            self.error = reason.strerror or str(reason)


@dataclass(slots=True)
class Controller:
    """Watches a running trial and brings the service back."""

    bench: GuestBench
    policy: Policy
    watchers: Sequence[Watcher] = ()
    busy: bool = False
    ended: bool = False  # gave up, or told to stop
    _heartbeat: Heartbeat | None = None
    _pidfd: int | None = None
    _attempt: Attempt | None = None  # the one that is under way
    _seen: set[str] = field(default_factory=set)  # who has already told of the present error

    def start(self) -> None:
        """Begin to watch."""
        self._watch_udriver()
        self._start_heartbeat()
        self.bench.after(BEAT_S, self._tick)

    def stop(self) -> None:
        """Stop watching and acting; what is under way is left to itself."""
        self.ended = True
        self._stop_heartbeat()
        self._unwatch_udriver()

    def detected(self, by: str, what: str) -> None:
        """An error was seen: report it once a detector and episode, and ask the policy."""
        if self.busy or self.ended or by in self._seen:
            return
        self._seen.add(by)
        self.bench.report("recovery", "error.detected", by=by, what=what)
        self._decide()

    def _decide(self) -> None:
        action = self.policy.decide(self.bench.events)
        if action is None:
            return
        self.busy = True
        if self._heartbeat:
            self._heartbeat.paused = True
        self._unwatch_udriver()
        if action.name == "give_up":
            self._give_up()
        else:
            self.bench.after(action.delay_s, partial(self._act, action))

    def _act(self, action: Action) -> None:
        attempt = self._attempt = Attempt(self.bench, action.name, self.watchers)
        self.bench.report("recovery", "recovery.started", action=action.name)
        self.bench.in_thread(attempt.run, partial(self._finished, attempt, None))
        self.bench.after(ATTEMPT_S, partial(self._finished, attempt, f"no end after {ATTEMPT_S:g} s"))

    def _finished(self, attempt: Attempt, too_late: str | None) -> None:
        """Called when the attempt ends and at its deadline, whichever comes first counts."""
        if self.ended or attempt is not self._attempt:
            return
        self._attempt = None
        error = too_late or attempt.error
        ok = error is None
        self.bench.report("recovery", "recovery.finished", action=attempt.action, ok=ok, error=error)
        if not ok:
            self._decide()
            return
        self.bench.report("recovery", "service.restored")
        self.busy = False
        self._seen.clear()
        for watcher in self.watchers:
            watcher.error()  # what went wrong before is dealt with
        self._watch_udriver()
        self._start_heartbeat()

    def _give_up(self) -> None:
        """Take the service down for good, so that whoever waits for it learns that it is gone."""
        self.bench.report("recovery", "recovery.gave_up")
        self.ended = True
        self._stop_heartbeat()
        self.bench.in_thread(partial(quietly, self.bench.driver.detach), self._idle)

    def _idle(self) -> None:
        self.busy = False

    def _tick(self) -> None:
        if self.ended:
            return
        if self._heartbeat and self._heartbeat.overdue():
            self.detected("heartbeat", f"no answer for {BEAT_DEADLINE_S:g} s")
        for watcher in self.watchers:
            if not self.busy and (error := watcher.error()):
                self.detected(type(watcher).__name__.lower(), error)
        self.bench.after(BEAT_S, self._tick)

    def _start_heartbeat(self) -> None:
        """A fresh one: the last may still hang in a request that nobody will answer."""
        self._stop_heartbeat()
        failed = partial(self._on_loop, "heartbeat")
        self._heartbeat = Heartbeat(self.bench.driver, failed)
        in_thread(self._heartbeat.run)

    def _stop_heartbeat(self) -> None:
        if self._heartbeat:
            self._heartbeat.stopped = self._heartbeat.paused = True

    def _on_loop(self, by: str, what: str) -> None:
        self.bench.soon(partial(self.detected, by, what))

    def _watch_udriver(self) -> None:
        driver = self.bench.driver
        if isinstance(driver, Split):
            try:
                self._pidfd = os.pidfd_open(driver.udriver_pid())
            except OSError:
                self.bench.report("recovery", "udriver.died", how="before it could be watched")
                self.detected("pidfd", "the u-driver is gone")
            else:
                self.bench.watch(self._pidfd, self._udriver_died)

    def _udriver_died(self) -> None:
        self._unwatch_udriver()
        self.bench.report("recovery", "udriver.died")
        self.detected("pidfd", "the u-driver is gone")

    def _unwatch_udriver(self) -> None:
        if self._pidfd is not None:
            self.bench.unwatch(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None


def quietly(action: Callable[[], None]) -> None:
    """Do it; a failure changes nothing any more."""
    with suppress(OSError):
        action()
