"""A trial's fault, if it has one: put in each time that its trigger fires, undone at the end."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import partial
from types import TracebackType

from faultkit.guest.bench import GuestBench
from faultkit.model.errors import NotPlaced, words_of
from faultkit.model.events import Kind
from faultkit.model.parts import Fault
from faultkit.model.trial import Trial


class Injection:
    """Put the fault in at each firing; the arming of the time before is undone first.

    The first time it must succeed, or the trial is void. Later on there may be nothing to put it into, because
    recovery is just replacing it: that is reported ("fault.skipped") and no more.
    """

    def __init__(self, bench: GuestBench, trial: Trial) -> None:
        self._bench = bench
        self._trial = trial
        self._arming = ExitStack()
        self._lock = threading.Lock()  # requests of several threads may fire
        self._placed = self._ended = False

    def arm(self) -> None:
        """Arm the trigger, which puts the fault in at its moment."""
        if self._trial.fault is not None and self._trial.trigger is not None:
            self._trial.trigger.arm(self._bench, partial(self._fire, self._trial.fault))

    def _fire(self, fault: Fault) -> None:
        """Put the fault in. Raises: NotPlaced, OSError if it never was."""
        with self._lock:
            if self._ended:
                return
            self._arming.close()
            try:
                self._arming.enter_context(fault.inject(self._bench))
            except (NotPlaced, OSError) as reason:  # it may vanish while it is looked for
                if not self._placed:
                    raise
                self._bench.report("injector", Kind.FAULT_SKIPPED, why=words_of(reason))
            self._placed = True

    def end(self) -> None:
        """Fire no more; what is armed stays so."""
        with self._lock:
            self._ended = True

    def __enter__(self) -> Injection:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        self.end()
        self._arming.close()
