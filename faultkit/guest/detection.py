"""The detectors: the u-driver's pidfd, a heartbeat (a small request through the device, with a deadline), monitors.

Each reports "error.detected" once in an episode. An episode ends when recovery has brought the service back; or, where
nobody acts, when the heartbeat is answered again with the u-driver alive ("error.gone").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from faultkit.guest.bench import GuestBench
from faultkit.guest.clock import Clock, Running
from faultkit.guest.exit_watch import ExitWatch
from faultkit.model.codec import short_name
from faultkit.model.errors import words_of
from faultkit.model.events import Kind
from faultkit.model.parts import Driver, Watcher
from faultkit.model.trial import Detectors


@dataclass(slots=True)
class Heartbeat:
    """Probes the service over and over in a thread; a probe may block for as long as it likes."""

    driver: Driver
    detectors: Detectors
    clock: Clock
    failed: Callable[[str], None]
    answered: Callable[[int], None]  # gets the time at which the probe began
    since_ns: int | None = None  # when the probe that is under way began
    stopped: bool = False

    def run(self) -> None:
        """Probe until the heartbeat is stopped."""
        while not self.stopped:
            self.clock.sleep(self.detectors.beat_s)
            if not self.stopped:
                self.beat()

    def beat(self) -> None:
        """Probe the service once."""
        self.since_ns = began_ns = self.clock.now_ns()
        try:
            self.driver.probe()
            if not self.stopped:
                self.answered(began_ns)
        except OSError as reason:
            if not self.stopped:
                self.failed(words_of(reason, of_system=True))
        finally:
            self.since_ns = None

    def overdue(self) -> bool:
        """Report whether the probe under way has missed its deadline."""
        since_ns = self.since_ns
        return since_ns is not None and self.clock.now_ns() - since_ns > self.detectors.deadline_s * 1e9


@dataclass(slots=True)
class Detection:
    """All detectors of a running trial. While they are paused, none of them reports anything."""

    bench: GuestBench
    detectors: Detectors
    watchers: Mapping[str, Watcher]
    on_error: Callable[[], None]  # run in the loop, after each detection
    on_answer: Callable[[], None]  # run in the heartbeat's thread, after each probe that was answered
    _paused: bool = True
    _heartbeat: Heartbeat | None = None
    _exit_watch: ExitWatch = field(init=False)
    _probes: list[Running] = field(default_factory=list)
    _detected_ns: dict[str, int] = field(default_factory=dict)  # of the present error, by detector

    def __post_init__(self) -> None:
        self._exit_watch = ExitWatch(self.bench, partial(self._detected, "pidfd", "the u-driver is gone"))

    def start(self) -> None:
        """Begin to watch everything, for good."""
        self.resume()
        self.bench.after(self.detectors.beat_s, self._tick)

    def pause(self) -> None:
        """Stop watching: recovery acts now."""
        self._paused = True
        self._stop_heartbeat()
        self._exit_watch.end()

    def resume(self) -> None:
        """Watch again, from a new episode on: the errors before are dealt with."""
        self._paused = False
        self._detected_ns.clear()
        for watcher in self.watchers.values():
            watcher.error()
        self._start_heartbeat()
        self._exit_watch.begin()

    def probing(self) -> list[Running]:
        """The threads of all live heartbeats, those that are being stopped included."""
        return [thread for thread in self._probes if thread.is_alive()]

    def _tick(self) -> None:
        if not self._paused and self._look():
            self.on_error()
        self.bench.after(self.detectors.beat_s, self._tick)

    def _detected(self, by: str, what: str) -> None:
        """Report an error, and what other detectors have seen by now, before anybody acts."""
        if self._report(by, what):
            self._look()
            self.on_error()

    def _look(self) -> bool:
        """Ask the detectors that do not report by themselves; True if one of them has found something new."""
        found = {name: watcher.error() for name, watcher in self.watchers.items()}
        if self._heartbeat and self._heartbeat.overdue():
            found["heartbeat"] = f"no answer for {self.detectors.deadline_s:g} s"
        new = [by for by, what in found.items() if what and self._report(by, what)]
        return bool(new)

    def _report(self, by: str, what: str) -> bool:
        """Report an error; False if the detector has already reported one in this episode."""
        if self._paused or by in self._detected_ns:
            return False
        self._detected_ns[by] = self.bench.clock.now_ns()
        self.bench.report("recovery", Kind.ERROR_DETECTED, by=short_name(by), what=what)
        return True

    def _answered(self, began_ns: int) -> None:
        """Note that a probe was answered; if it began after the error was detected, the error is gone."""
        self.on_answer()
        if self._detected_ns and began_ns > max(self._detected_ns.values()):
            self.bench.soon(self._gone)

    def _gone(self) -> None:
        if self._detected_ns and not self._paused and "pidfd" not in self._detected_ns:
            self._detected_ns.clear()
            self.bench.report("recovery", Kind.ERROR_GONE)

    def _start_heartbeat(self) -> None:
        """Start a fresh heartbeat: the last may still hang in a request that nobody will answer."""
        failed = partial(self._on_loop, "heartbeat")
        self._heartbeat = Heartbeat(self.bench.driver, self.detectors, self.bench.clock, failed, self._answered)
        self._probes = [*self.probing(), self.bench.clock.start_thread(self._heartbeat.run)]

    def _stop_heartbeat(self) -> None:
        if self._heartbeat:
            self._heartbeat.stopped = True
            self._heartbeat = None

    def _on_loop(self, by: str, what: str) -> None:
        self.bench.soon(partial(self._detected, by, what))
