"""The recovery controller: on a detected error it asks the policy, acts, and reports the end of each attempt.

Every part that may block for ever runs in a thread of its own; the controller itself only keeps deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faultkit.guest.bench import GuestBench
from faultkit.guest.commands import quietly, retry
from faultkit.guest.detection import Detection
from faultkit.guest.exit_watch import ExitWatch
from faultkit.model.actions import GIVE_UP, PROBE, STARTS, steps
from faultkit.model.errors import HarnessError, words_of
from faultkit.model.events import Kind
from faultkit.model.parts import Action, KeepsState, NeedsState, Policy, StepsAside, Watcher, iter_parts
from faultkit.model.trial import Detectors

ATTEMPT_S = 6.0  # a recovery attempt that takes longer has failed
COME_BACK_S = 3.0  # how long the probe may fail after the steps are done


@dataclass(slots=True)
class Attempt:
    """One recovery attempt, run in a thread and abandoned when it takes too long."""

    bench: GuestBench
    action: str
    watchers: Sequence[Watcher]
    started: Callable[[Attempt], None]  # run in this thread when there is a new u-driver
    state: Any = None
    error: str | None = None
    abandoned: bool = False  # timed out: skip the remaining steps, the next attempt has begun

    def run(self) -> None:
        """Take the steps, then wait for the probe to be answered."""
        try:
            for name, call in steps(self.action, self.bench.driver, self.state):
                self._step(name, call)
            self._step(PROBE, partial(retry, self.bench.driver.probe, COME_BACK_S, clock=self.bench.clock))
        except OSError as reason:
            self.error = words_of(reason, of_system=True)

    def _step(self, name: str, call: Callable[[], None]) -> None:
        if self.abandoned:
            return
        self.bench.report("recovery", Kind.RECOVERY_STEP, step=name)
        with ExitStack() as aside:
            for watcher in self.watchers if name == "unload" else ():
                if isinstance(watcher, StepsAside):
                    aside.enter_context(watcher.aside())
            call()
        if name in STARTS:
            self.started(self)


@dataclass(slots=True)
class Controller:
    """Brings the service of a running trial back, as its policy says."""

    bench: GuestBench
    policy: Policy
    detectors: Detectors
    watchers: Mapping[str, Watcher]
    busy: bool = False
    ended: bool = False  # gave up, or was stopped
    _detection: Detection = field(init=False)
    _needs_state: bool = field(init=False)
    _attempt: Attempt | None = None  # the one that is under way
    _exit_watch: ExitWatch | None = None  # of the u-driver that the attempt has started
    _state: Any = None  # the driver's configuration when it last answered

    def __post_init__(self) -> None:
        self._detection = Detection(self.bench, self.detectors, self.watchers, self._decide, self._keep_state)
        self._needs_state = any(isinstance(part, NeedsState) for part in iter_parts(self.policy))

    def start(self) -> None:
        """Begin to watch. Raises: HarnessError if the policy needs what the driver cannot do."""
        self._keep_state()
        self._detection.start()
        self.bench.on_maintenance(self._pause, self._resume)

    def stop(self) -> None:
        """Stop watching and acting; what is under way is left to itself."""
        self.ended = True
        self._detection.pause()

    def quiet(self) -> bool:
        """Report whether no probe is under way after the stop: it would hold the device open."""
        return not self._detection.probing()

    def _pause(self) -> None:
        if not (self.busy or self.ended):
            self._detection.pause()

    def _resume(self) -> None:
        if not (self.busy or self.ended):
            self._detection.resume()

    def _keep_state(self) -> None:
        driver = self.bench.driver
        if not self._needs_state:
            return
        if not isinstance(driver, KeepsState):
            raise HarnessError(f"{type(driver).__name__} keeps no state: a policy that puts it back does not fit it")
        self._state = driver.save()

    def _decide(self) -> None:
        action = None if self.ended else self.policy.decide(self.bench.recovery)
        if action is None:
            return
        self.busy = True
        self._detection.pause()
        if action.name == GIVE_UP.name:
            self._give_up()
        else:
            self.bench.after(action.delay_s, partial(self._act, action))

    def _act(self, action: Action) -> None:
        watchers = list(self.watchers.values())
        attempt = Attempt(self.bench, action.name, watchers, self._started, self._state)
        self._attempt = attempt
        self.bench.report("recovery", Kind.RECOVERY_STARTED, action=action.name)
        self.bench.in_thread(attempt.run, partial(self._finished, attempt, None))
        self.bench.after(ATTEMPT_S, partial(self._finished, attempt, f"no end after {ATTEMPT_S:g} s"))

    def _started(self, attempt: Attempt) -> None:
        self.bench.soon(partial(self._watch_new, attempt))

    def _watch_new(self, attempt: Attempt) -> None:
        """Cut the attempt short if the new u-driver exits before it serves."""
        if attempt is self._attempt:
            self._exit_watch = ExitWatch(self.bench, partial(self._finished, attempt, "the new u-driver is gone, too"))
            self._exit_watch.begin()

    def _finished(self, attempt: Attempt, cut_short: str | None) -> None:
        """End an attempt: at its own end, at its deadline, or at the exit of the new u-driver; the first counts."""
        if self.ended or attempt is not self._attempt:
            return
        self._attempt = None
        if self._exit_watch:
            self._exit_watch.end()
        attempt.abandoned = True
        error = cut_short or attempt.error
        ok = error is None
        self.bench.report("recovery", Kind.RECOVERY_FINISHED, action=attempt.action, ok=ok, error=error)
        if not ok:
            self._decide()
            return
        self.bench.report("recovery", Kind.SERVICE_RESTORED)
        self.busy = False
        self._detection.resume()

    def _give_up(self) -> None:
        """Take the service down for good, so that requests that wait for it fail."""
        self.bench.report("recovery", Kind.RECOVERY_GAVE_UP)
        self.ended = True
        self.bench.in_thread(partial(quietly, self.bench.driver.detach), self._idle)

    def _idle(self) -> None:
        self.busy = False
