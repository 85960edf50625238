"""Attempts of recovery: the fields and the decision of every policy that tries an action, and tries it again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar

from faultkit.model.actions import GIVE_UP, misfit
from faultkit.model.errors import NotPlaced
from faultkit.model.events import Event, Kind
from faultkit.model.parts import Action, Driver


@dataclass(frozen=True, slots=True)
class Attempts:
    """The number, the pace and the time of attempts: the fields of every policy that tries.

    `limit`: so many attempts of its own kind, attempts that worked among them. `backoff_s`: the wait before the second,
    doubled for each further one; the first is made at once. `window_s`: attempts that began longer ago are forgotten
    (0: none is). `budget_s`: no further attempt once the service has been out that long, from the first detection on
    (0: without end).

    A base class, although parts are composed elsewhere: were it a field, each plan, written or stored, would have to
    say `RestartUDriver(Attempts(limit=1))`, and stored plans would need another shape. One more policy costs a class
    with one line either way.
    """

    action: ClassVar[str] = ""  # the action that it orders: one of all drivers, or of the driver's own

    limit: int = 3
    backoff_s: float = 0.1
    window_s: float = 0.0
    budget_s: float = 0.0

    def decide(self, events: Sequence[Event]) -> Action | None:
        """Try its action again, or give up."""
        return self.next_attempt(self.action, events)

    def foresee(self, driver: Driver) -> None:
        """Refuse a driver that does not offer the action. Raises: NotPlaced."""
        if self.action and (words := misfit(self.action, driver)):
            raise NotPlaced(words)

    def next_attempt(self, action: str, events: Sequence[Event]) -> Action:
        """The next attempt within the budget, or "give_up"."""
        now_ns = events[-1].t_ns if events else 0
        forgotten_ns = now_ns - self.window_s * 1e9 if self.window_s else -1
        began_ns = (event.t_ns for event in reversed(events) if is_attempt(event, action))
        so_far = sum(1 for _ in takewhile(lambda t_ns: t_ns > forgotten_ns, began_ns))
        delay_s = self.backoff_s * 2 ** (so_far - 1) if so_far else 0.0
        late = self.budget_s and out_s(events) + delay_s > self.budget_s
        return GIVE_UP if so_far >= self.limit or late else Action(action, delay_s)


def is_attempt(event: Event, action: str) -> bool:
    """Report whether an event is the start of an attempt of this kind."""
    return event.kind == Kind.RECOVERY_STARTED and event.data["action"] == action


def out_s(events: Sequence[Event]) -> float:
    """The virtual seconds since the present failure was detected; 0 if there is none."""
    present = takewhile(lambda event: event.kind not in (Kind.SERVICE_RESTORED, Kind.ERROR_GONE), reversed(events))
    known_ns = [event.t_ns for event in present if event.kind == Kind.ERROR_DETECTED]
    return (events[-1].t_ns - known_ns[-1]) / 1e9 if known_ns else 0.0
