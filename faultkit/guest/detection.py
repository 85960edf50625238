"""The detectors: the u-driver's pidfd, a heartbeat (a small request through the device, with a deadline), and
what the monitors find wrong.

Each tells once an episode ("error.detected"). An episode ends when recovery has brought the service back; or, where
nobody acts, when the heartbeat is answered again with the u-driver alive ("error.gone").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Thread

from faultkit.guest.bench import GuestBench, in_thread
from faultkit.guest.lifeline import Lifeline
from faultkit.model.codec import short_name
from faultkit.model.events import Kind
from faultkit.model.parts import Driver, Watcher
from faultkit.model.trial import Detectors


@dataclass(slots=True)
class Heartbeat:
    """Probes the service over and over in a thread; a probe may block for as long as it likes."""

    driver: Driver
    detectors: Detectors
    failed: Callable[[str], None]
    answered: Callable[[float], None]  # is told when the probe began
    since: float | None = None  # when the probe that is under way began
    stopped: bool = False

    def run(self) -> None:
        while not self.stopped:
            time.sleep(self.detectors.beat_s)
            if not self.stopped:
                self.beat()

    def beat(self) -> None:
        """One probe."""
        self.since = began = time.monotonic()
        try:
            self.driver.probe()
            if not self.stopped:
                self.answered(began)
        except OSError as reason:
            if not self.stopped:
                self.failed(reason.strerror or str(reason))
        finally:
            self.since = None

    def overdue(self) -> bool:
        """Whether the probe under way has missed its deadline."""
        since = self.since
        return since is not None and time.monotonic() - since > self.detectors.deadline_s


@dataclass(slots=True)
class Detection:
    """All detectors of a running trial. While they are paused, none of them tells anything."""

    bench: GuestBench
    detectors: Detectors
    watchers: Mapping[str, Watcher]
    on_error: Callable[[], None]  # run in the loop, each time that a detector tells
    on_answer: Callable[[], None]  # run in the heartbeat's thread, after each probe that was answered
    _paused: bool = True
    _heartbeat: Heartbeat | None = None
    _lifeline: Lifeline = field(init=False)
    _probes: list[Thread] = field(default_factory=list)
    _told: dict[str, float] = field(default_factory=dict)  # who has told of the present error, and when

    def __post_init__(self) -> None:
        self._lifeline = Lifeline(self.bench, partial(self._detected, "pidfd", "the u-driver is gone"))

    def start(self) -> None:
        """Begin to look at everything, for good."""
        self.resume()
        self.bench.after(self.detectors.beat_s, self._tick)

    def pause(self) -> None:
        """Look away: what comes now is recovery's doing."""
        self._paused = True
        self._stop_heartbeat()
        self._lifeline.unwatch()

    def resume(self) -> None:
        """A new episode: what went wrong before is dealt with."""
        self._paused = False
        self._told.clear()
        for watcher in self.watchers.values():
            watcher.error()
        self._start_heartbeat()
        self._lifeline.watch()

    def probing(self) -> list[Thread]:
        """The heartbeats that have not ended, those among them that were told to."""
        return [thread for thread in self._probes if thread.is_alive()]

    def _tick(self) -> None:
        if not self._paused and self._look():
            self.on_error()
        self.bench.after(self.detectors.beat_s, self._tick)

    def _detected(self, by: str, what: str) -> None:
        """A detector spoke up; whoever else has seen something by now is heard before anybody acts."""
        if self._tell(by, what):
            self._look()
            self.on_error()

    def _look(self) -> bool:
        """Ask those detectors that do not speak up by themselves; whether one of them has something new to tell."""
        found = {name: watcher.error() for name, watcher in self.watchers.items()}
        if self._heartbeat and self._heartbeat.overdue():
            found["heartbeat"] = f"no answer for {self.detectors.deadline_s:g} s"
        told = [by for by, what in found.items() if what and self._tell(by, what)]
        return bool(told)

    def _tell(self, by: str, what: str) -> bool:
        """Report it, once a detector and episode."""
        if self._paused or by in self._told:
            return False
        self._told[by] = time.monotonic()
        self.bench.report("recovery", Kind.ERROR_DETECTED, by=short_name(by), what=what)
        return True

    def _answered(self, began: float) -> None:
        """The heartbeat was answered; if it was asked after an error, nothing is wrong any more."""
        self.on_answer()
        if self._told and began > max(self._told.values()):
            self.bench.soon(self._gone)

    def _gone(self) -> None:
        if self._told and not self._paused and "pidfd" not in self._told:
            self._told.clear()
            self.bench.report("recovery", Kind.ERROR_GONE)

    def _start_heartbeat(self) -> None:
        """A fresh one: the last may still hang in a request that nobody will answer."""
        failed = partial(self._on_loop, "heartbeat")
        self._heartbeat = Heartbeat(self.bench.driver, self.detectors, failed, self._answered)
        self._probes = [*self.probing(), in_thread(self._heartbeat.run)]

    def _stop_heartbeat(self) -> None:
        if self._heartbeat:
            self._heartbeat.stopped = True
            self._heartbeat = None

    def _on_loop(self, by: str, what: str) -> None:
        self.bench.soon(partial(self._detected, by, what))
