"""Recovery policies: from the events so far to the next action. Pure; the controller alone acts.

The actions are in `faultkit.model.actions`. A policy that is named in `__all__` is exported by `faultkit`, listed by
`faultkit list policies`, and in the tables of the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar

from faultkit.model.actions import GIVE_UP
from faultkit.model.events import Event, Kind
from faultkit.model.parts import Action, Policy

__all__ = ["Escalate", "GiveUp", "Nothing", "ReloadKDriver", "ReloadWithState", "RestartBoth", "RestartUDriver"]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The number, the pace and the time of attempts: the fields of every policy that tries.

    `limit`: so many attempts of its own kind, attempts that worked among them. `backoff_s`: the wait before the second,
    doubled for each further one; the first is made at once. `window_s`: attempts that began longer ago are forgotten
    (0: none is). `budget_s`: no further attempt once the service has been out that long, from the first detection on
    (0: without end).

    A base class, although parts are composed elsewhere: were it a field, each plan, written or stored, would have to
    say `RestartUDriver(Attempts(limit=1))`, and stored plans would need another shape. One more policy costs a class
    with one method either way.
    """

    limit: int = 3
    backoff_s: float = 0.1
    window_s: float = 0.0
    budget_s: float = 0.0

    def next_attempt(self, action: str, events: Sequence[Event]) -> Action:
        """The next attempt within the budget, or "give_up"."""
        now_ns = events[-1].t_ns if events else 0
        forgotten_ns = now_ns - self.window_s * 1e9 if self.window_s else -1
        began_ns = (event.t_ns for event in reversed(events) if is_attempt(event, action))
        so_far = sum(1 for _ in takewhile(lambda t_ns: t_ns > forgotten_ns, began_ns))
        delay_s = self.backoff_s * 2 ** (so_far - 1) if so_far else 0.0
        late = self.budget_s and out_s(events) + delay_s > self.budget_s
        return GIVE_UP if so_far >= self.limit or late else Action(action, delay_s)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Watch and never act: the effect of the fault without any help."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Take the service down for good at the first detection."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return GIVE_UP


@dataclass(frozen=True, slots=True)
class RestartUDriver(Attempts):
    """Start a new u-driver in place of the failed one, up to `limit` times, each after a longer wait."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return self.next_attempt("restart", events)


@dataclass(frozen=True, slots=True)
class ReloadKDriver(Attempts):
    """Unload and load the k-driver, up to `limit` times, each after a longer wait."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return self.next_attempt("reload", events)


@dataclass(frozen=True, slots=True)
class ReloadWithState(Attempts):
    """Unload and load the k-driver, and restore the configuration of its last answered probe, up to `limit` times."""

    needs_state: ClassVar[bool] = True

    def decide(self, events: Sequence[Event]) -> Action | None:
        return self.next_attempt("reload_with_state", events)


@dataclass(frozen=True, slots=True)
class RestartBoth(Attempts):
    """Replace the u-driver and reload the k-driver, up to `limit` times, each after a longer wait."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return self.next_attempt("both", events)


@dataclass(frozen=True, slots=True)
class Escalate:
    """Try the smallest remedy first, and the next one when its budget is used up; give up after the last.

    The micro-reboot order of G. Candea et al., "Microreboot - a technique for cheap recovery", OSDI 2004. Each step
    counts attempts of its own kind, so that two steps of one kind share theirs. With a `window_s` in its steps a
    later failure begins with the smallest remedy again.
    """

    steps: tuple[Policy, ...] = (RestartUDriver(limit=1), ReloadKDriver(limit=1), RestartBoth(limit=1))

    def decide(self, events: Sequence[Event]) -> Action | None:
        decisions = (step.decide(events) for step in self.steps)
        return next((action for action in decisions if action != GIVE_UP), GIVE_UP)


def is_attempt(event: Event, action: str) -> bool:
    """Report whether an event is the start of an attempt of this kind."""
    return event.kind == Kind.RECOVERY_STARTED and event.data["action"] == action


def out_s(events: Sequence[Event]) -> float:
    """The virtual seconds since the present failure was detected; 0 if there is none."""
    present = takewhile(lambda event: event.kind not in (Kind.SERVICE_RESTORED, Kind.ERROR_GONE), reversed(events))
    known_ns = [event.t_ns for event in present if event.kind == Kind.ERROR_DETECTED]
    return (events[-1].t_ns - known_ns[-1]) / 1e9 if known_ns else 0.0
