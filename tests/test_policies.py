"""The decisions of each policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import faultkit
from faultkit.model import policies
from faultkit.model.actions import GIVE_UP
from faultkit.model.events import Event
from faultkit.model.parts import Action, NeedsState, Policy, iter_parts
from faultkit.model.policies import (
    DownAndUp,
    Escalate,
    GiveUp,
    Nothing,
    Rebind,
    ReloadKDriver,
    ReloadWithState,
    ReplaceUDriver,
    ResetFunction,
    RestartBoth,
    RestartUDriver,
)
from faultkit.running import catalogue
from tests.records import at

DETECTED = at(10, "error.detected", by="pidfd", what="gone")
ATTEMPTS = [
    (RestartUDriver, "restart"), (ReloadKDriver, "reload"), (ReloadWithState, "reload_with_state"),
    (RestartBoth, "both"), (DownAndUp, "down_and_up"), (Rebind, "rebind"), (ResetFunction, "reset_function"),
    (ReplaceUDriver, "replace"),
]  # fmt: skip
ACTIONS = [action for _, action in ATTEMPTS]


def failed(action: str, ms: float = 20) -> tuple[Event, Event]:
    """An attempt that began then and failed."""
    return at(ms, "recovery.started", action=action), at(ms + 10, "recovery.finished", action=action, ok=False)


def test_every_policy_is_exported() -> None:
    assert {cls.__name__ for cls in catalogue.classes("policies")} == set(policies.__all__) <= set(faultkit.__all__)


FAILED = failed("restart")
each_that_tries = pytest.mark.parametrize(("policy", "action"), ATTEMPTS)


@pytest.mark.parametrize("before", [(), (DETECTED,), (DETECTED, *FAILED * 5)])
def test_nothing_never_acts(before: Any) -> None:
    assert Nothing().decide(before) is None


@pytest.mark.parametrize("before", [(), (DETECTED,), (DETECTED, *FAILED * 5)])
def test_give_up_gives_up_at_once(before: Any) -> None:
    assert GiveUp().decide(before) == Action("give_up")


@each_that_tries
def test_the_first_attempt_is_made_at_once(policy: Callable[..., Any], action: str) -> None:
    assert policy().decide((DETECTED,)) == Action(action, delay_s=0.0)


@each_that_tries
def test_each_further_attempt_waits_twice_as_long_up_to_the_limit(policy: Callable[..., Any], action: str) -> None:
    asked = [policy(limit=4, backoff_s=0.5).decide((DETECTED, *failed(action) * n)) for n in range(6)]
    tries = [Action(action, delay_s) for delay_s in (0.0, 0.5, 1.0, 2.0)]
    assert asked == [*tries, Action("give_up"), Action("give_up")]


@each_that_tries
def test_without_a_limit_to_reach_it_gives_up_at_once(policy: Callable[..., Any], action: str) -> None:
    del action
    assert policy(limit=0).decide((DETECTED,)) == Action("give_up")


@each_that_tries
def test_attempts_that_worked_count_as_well(policy: Callable[..., Any], action: str) -> None:
    """A fault that comes back for ever does not make recovery go on for ever."""
    worked = (at(20, "recovery.started", action=action), at(30, "service.restored"), DETECTED)
    assert policy(limit=2).decide((DETECTED, *worked * 2)) == Action("give_up")


@each_that_tries
def test_deciding_is_pure(policy: Callable[..., Any], action: str) -> None:
    del action
    events = [DETECTED, *FAILED]
    assert policy().decide(events) == policy().decide(events)
    assert events == [DETECTED, *FAILED]


@each_that_tries
def test_attempts_of_another_kind_do_not_count(policy: Callable[..., Any], action: str) -> None:
    others = [event for other in ACTIONS if other != action for event in failed(other)]
    assert policy(limit=1).decide((DETECTED, *others)) == Action(action, delay_s=0.0)


@each_that_tries
def test_attempts_that_began_before_the_window_are_forgotten(policy: Callable[..., Any], action: str) -> None:
    def decided(window_s: float) -> Action | None:
        events = (*failed(action, ms=100), at(1100, "error.detected", by="pidfd", what="gone"))
        return policy(limit=1, window_s=window_s).decide(events)

    assert decided(0) == decided(1.001) == GIVE_UP
    assert decided(0.999) == Action(action, delay_s=0.0)


@each_that_tries
def test_no_attempt_is_made_beyond_the_time_budget(policy: Callable[..., Any], action: str) -> None:
    events = (DETECTED, *failed(action, ms=500))  # 500 ms after the detection, and the next one must wait
    assert policy(budget_s=0.7, backoff_s=0.2).decide(events) == Action(action, delay_s=0.2)
    assert policy(budget_s=0.699, backoff_s=0.2).decide(events) == GIVE_UP


@each_that_tries
def test_each_failure_has_a_time_budget_of_its_own(policy: Callable[..., Any], action: str) -> None:
    for end in ("service.restored", "error.gone"):
        events = (DETECTED, at(900, end), at(5000, "error.detected", by="pidfd", what="gone"))
        assert policy(budget_s=0.5).decide(events) == Action(action, delay_s=0.0)


def test_only_who_puts_state_back_needs_it_kept() -> None:
    def needs(policy: Policy) -> bool:
        return any(isinstance(part, NeedsState) for part in iter_parts(policy))

    assert needs(ReloadWithState()) and needs(Escalate((RestartUDriver(), ReloadWithState())))
    assert not any(map(needs, (Nothing(), GiveUp(), RestartUDriver(), ReloadKDriver(), RestartBoth(), Escalate())))


def decisions(policy: Policy, count: int) -> list[tuple[str, float]]:
    """The decisions if nothing helps: each action, and the wait before it."""
    events: tuple[Event, ...] = (DETECTED,)
    found = []
    for n in range(count):
        action = policy.decide(events)
        assert action is not None
        found.append((action.name, action.delay_s))
        events += failed(action.name, ms=20 * (n + 1))
    return found


def test_escalation_goes_from_the_smallest_remedy_to_the_largest_and_then_gives_up() -> None:
    assert decisions(Escalate(), 5) == [(name, 0.0) for name in ("restart", "reload", "both", "give_up", "give_up")]


def test_each_step_of_an_escalation_has_its_own_budget() -> None:
    policy = Escalate(steps=(RestartUDriver(limit=2, backoff_s=0.3), ReloadWithState(limit=1), GiveUp()))
    assert decisions(policy, 4) == [("restart", 0.0), ("restart", 0.3), ("reload_with_state", 0.0), ("give_up", 0.0)]


def test_a_step_that_is_out_of_time_hands_over_to_the_next() -> None:
    policy = Escalate(steps=(RestartUDriver(limit=9, budget_s=0.05), RestartBoth(limit=1)))
    assert policy.decide((DETECTED,)) == Action("restart")
    assert policy.decide((DETECTED, *failed("restart", ms=90))) == Action("both")


def test_an_escalation_begins_anew_when_its_windows_have_passed() -> None:
    policy = Escalate(steps=(RestartUDriver(limit=1, window_s=1), ReloadKDriver(limit=1, window_s=1)))
    again = at(1500, "error.detected", by="pidfd", what="gone")
    soon = at(900, "error.detected", by="pidfd", what="gone")
    past = (DETECTED, *failed("restart"), at(40, "recovery.started", action="reload"), at(60, "service.restored"))
    assert policy.decide((*past, soon)) == GIVE_UP
    assert policy.decide((*past, again)) == Action("restart")


def test_an_escalation_may_wait() -> None:
    assert Escalate(steps=(Nothing(), RestartUDriver())).decide((DETECTED,)) is None


@each_that_tries
def test_the_time_budget_counts_from_the_first_detection(policy: Callable[..., Any], action: str) -> None:
    events = [DETECTED, at(900, "error.detected", by="heartbeat", what="silent")]
    assert policy(budget_s=0.889).decide(events) == GIVE_UP
    assert policy(budget_s=0.891).decide(events) == Action(action, delay_s=0.0)
