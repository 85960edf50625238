"""What each policy does next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultkit.policies import GiveUp, Nothing, ReloadKDriver, RestartBoth, RestartUDriver
from faultkit.protocols import Action
from tests.records import at

DETECTED = at(10, "error.detected", by="pidfd", what="gone")
ATTEMPTS = [(RestartUDriver, "restart"), (ReloadKDriver, "reload"), (RestartBoth, "both")]
FAILED = (
    at(20, "recovery.started", action="restart"),
    at(30, "recovery.finished", action="restart", ok=False, error="x"),
)
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
    asked = [policy(limit=4, backoff_s=0.5).decide((DETECTED, *FAILED * n)) for n in range(6)]
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
