"""The recovery controller: when an error is detected it asks the policy, acts, and says whether the service is back.

Every part that may block for ever runs in a thread of its own; the controller only looks at deadlines.
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
from faultkit.guest.lifeline import Lifeline
from faultkit.model.actions import GIVE_UP, PROBE, steps
from faultkit.model.errors import HarnessError
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
    started: Callable[[Attempt], None]  # told, in this thread, when there is a new u-driver
    state: Any = None
    error: str | None = None
    abandoned: bool = False  # whatever held it up: it must not go on beneath its successor

    def run(self) -> None:
        try:
            for name, call in steps(self.action, self.bench.driver, self.state):
                self._step(name, call)
            self._step(PROBE, partial(retry, self.bench.driver.probe, COME_BACK_S))
        except OSError as reason:
            self.error = reason.strerror or str(reason)

    def _step(self, name: str, call: Callable[[], None]) -> None:
        if self.abandoned:
            return
        self.bench.report("recovery", Kind.RECOVERY_STEP, step=name)
        with ExitStack() as aside:
            for watcher in self.watchers if name == "unload" else ():
                if isinstance(watcher, StepsAside):
                    aside.enter_context(watcher.aside())
            call()
        if name == "start_udriver":
            self.started(self)


@dataclass(slots=True)
class Controller:
    """Brings the service of a running trial back, as its policy says."""

    bench: GuestBench
    policy: Policy
    detectors: Detectors
    watchers: Mapping[str, Watcher]
    busy: bool = False
    ended: bool = False  # gave up, or told to stop
    _detection: Detection = field(init=False)
    _needs_state: bool = field(init=False)
    _attempt: Attempt | None = None  # the one that is under way
    _lifeline: Lifeline | None = None  # of the u-driver that it has started
    _state: Any = None  # the driver's configuration when it last answered

    def __post_init__(self) -> None:
        self._detection = Detection(self.bench, self.detectors, self.watchers, self._decide, self._keep_state)
        self._needs_state = any(isinstance(part, NeedsState) for part in iter_parts(self.policy))

    def start(self) -> None:
        """Begin to watch. Raises: HarnessError if the policy needs what the driver cannot do."""
        self._keep_state()
        self._detection.start()
        self.bench.watched_by(self._look_away, self._look_again)

    def stop(self) -> None:
        """Stop watching and acting; what is under way is left to itself."""
        self.ended = True
        self._detection.pause()

    def quiet(self) -> bool:
        """Whether, after the stop, no probe is under way any more: it would hold the device open."""
        return not self._detection.probing()

    def _look_away(self) -> None:
        if not (self.busy or self.ended):
            self._detection.pause()

    def _look_again(self) -> None:
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
        """If the new u-driver ends before it serves, there is nothing more to wait for."""
        if attempt is self._attempt:
            self._lifeline = Lifeline(self.bench, partial(self._finished, attempt, "the new u-driver is gone, too"))
            self._lifeline.watch()

    def _finished(self, attempt: Attempt, cut_short: str | None) -> None:
        """Called when the attempt ends, at its deadline, and when the new u-driver dies; the first counts."""
        if self.ended or attempt is not self._attempt:
            return
        self._attempt = None
        if self._lifeline:
            self._lifeline.unwatch()
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
        """Take the service down for good, so that whoever waits for it learns that it is gone."""
        self.bench.report("recovery", Kind.RECOVERY_GAVE_UP)
        self.ended = True
        self.bench.in_thread(partial(quietly, self.bench.driver.detach), self._idle)

    def _idle(self) -> None:
        self.busy = False
