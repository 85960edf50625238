"""Recovery policies: from the events so far to the next action. Pure; the controller alone acts.

The actions are in `faultkit.model.actions`. A policy that is named in `__all__` is exported by `faultkit`, listed by
`faultkit list policies`, and in the tables of the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from faultkit.model.actions import GIVE_UP
from faultkit.model.attempts import Attempts
from faultkit.model.events import Event
from faultkit.model.parts import Action, Policy

__all__ = [
    "DownAndUp",
    "Escalate",
    "GiveUp",
    "Nothing",
    "Rebind",
    "ReloadKDriver",
    "ReloadWithState",
    "ReplaceUDriver",
    "ResetFunction",
    "RestartBoth",
    "RestartUDriver",
]


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

    action: ClassVar[str] = "restart"


@dataclass(frozen=True, slots=True)
class ReplaceUDriver(Attempts):
    """Start a second u-driver before the first is gone, up to `limit` times, each after a longer wait.

    For drivers that allow two at a time.
    """

    action: ClassVar[str] = "replace"


@dataclass(frozen=True, slots=True)
class ReloadKDriver(Attempts):
    """Unload and load the k-driver, up to `limit` times, each after a longer wait."""

    action: ClassVar[str] = "reload"


@dataclass(frozen=True, slots=True)
class ReloadWithState(Attempts):
    """Unload and load the k-driver, and restore the configuration of its last answered probe, up to `limit` times."""

    needs_state: ClassVar[bool] = True
    action: ClassVar[str] = "reload_with_state"


@dataclass(frozen=True, slots=True)
class RestartBoth(Attempts):
    """Replace the u-driver and reload the k-driver, up to `limit` times, each after a longer wait."""

    action: ClassVar[str] = "both"


@dataclass(frozen=True, slots=True)
class DownAndUp(Attempts):
    """Set the network interface down and up, up to `limit` times, each after a longer wait."""

    action: ClassVar[str] = "down_and_up"


@dataclass(frozen=True, slots=True)
class Rebind(Attempts):
    """Take the k-driver off its PCI device and bind it again, up to `limit` times, each after a longer wait."""

    action: ClassVar[str] = "rebind"


@dataclass(frozen=True, slots=True)
class ResetFunction(Attempts):
    """Reset the device's PCI function, up to `limit` times, each after a longer wait."""

    action: ClassVar[str] = "reset_function"


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
