"""Recovery policies: from the events so far to the next action. Pure; the controller alone acts.

An action is one of "restart" (a new u-driver joins the running k-driver), "reload" (the k-driver is
unloaded and loaded, the service rebuilt on it), "both", and "give_up".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faultkit.model import Event
from faultkit.protocols import Action


@dataclass(frozen=True, slots=True)
class Nothing:
    """Watch, never act: what the fault does if nobody helps."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Take the service down for good at the first detection."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        return Action("give_up")


@dataclass(frozen=True, slots=True)
class RestartUDriver:
    """Start a new u-driver in place of the failed one, up to `limit` times, each after a longer wait."""

    limit: int = 3
    backoff_s: float = 0.1

    def decide(self, events: Sequence[Event]) -> Action | None:
        return attempt("restart", events, self.limit, self.backoff_s)


@dataclass(frozen=True, slots=True)
class ReloadKDriver:
    """Unload and load the k-driver, up to `limit` times, each after a longer wait."""

    limit: int = 3
    backoff_s: float = 0.1

    def decide(self, events: Sequence[Event]) -> Action | None:
        return attempt("reload", events, self.limit, self.backoff_s)


@dataclass(frozen=True, slots=True)
class RestartBoth:
    """Replace the u-driver and reload the k-driver, up to `limit` times, each after a longer wait."""

    limit: int = 3
    backoff_s: float = 0.1

    def decide(self, events: Sequence[Event]) -> Action | None:
        return attempt("both", events, self.limit, self.backoff_s)


def attempt(action: str, events: Sequence[Event], limit: int, backoff_s: float) -> Action:
    """The next attempt: at once at first, then after `backoff_s`, doubled each time; give up after `limit`."""
    so_far = sum(event.kind == "recovery.started" for event in events)
    if so_far >= limit:
        return Action("give_up")
    return Action(action, delay_s=backoff_s * 2 ** (so_far - 1) if so_far else 0.0)
