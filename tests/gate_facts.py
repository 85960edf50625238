"""Facts for tests of the gate: campaigns as lists of trials, made without a store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faultkit.gate.facts import Facts, Seen
from faultkit.model.events import Outcome
from faultkit.store.columns import GROUPS

STRATA = dict.fromkeys(GROUPS, "") | {"driver": "nbd", "injector": "kill", "policy": "restart_udriver"}
MS = 1_000_000


def a_trial(
    n: int,
    outcome: Outcome = Outcome.RECOVERED,
    *,
    recovery_ms: float | None = 28,
    crash: str | None = None,
    flags: Iterable[str] = ("injected",),
    recoveries: int = 1,
    **strata: str,
) -> Seen:
    """A kill that was recovered from; arguments replace what is to differ."""
    time = None if recovery_ms is None else round(recovery_ms * MS)
    where = STRATA | {"detected_by": "pidfd" if outcome > Outcome.MASKED else ""} | strata
    return Seen(
        n=n,
        outcome=outcome,
        flags=frozenset(flags),
        times=dict.fromkeys(("recovery", "detection", "outage"), time),
        strata=where,
        recoveries=recoveries,
        crash=crash,
    )


def golden(n: int, outcome: Outcome = Outcome.MASKED, **parts: Any) -> Seen:
    """A trial without a fault in which nothing happened."""
    quiet: dict[str, Any] = {"injector": "golden", "recoveries": 0, "detected_by": "", "recovery_ms": None, "flags": ()}
    return a_trial(n, outcome, **quiet | parts)


def facts(*trials: Seen, planned: int | None = None, void: int = 0, **more: Any) -> Facts:
    """A campaign of these trials, which were all that was planned."""
    return Facts(trials=trials, planned=len(trials) + void if planned is None else planned, void=void, **more)


def outcomes(**counts: int) -> Facts:
    """`outcomes(RECOVERED=99, LOST=1)`: so many kills that ended so, the good ones first."""
    ends = [Outcome[name] for name, count in counts.items() for _ in range(count)]
    return facts(*(a_trial(n, end) for n, end in enumerate(ends)))
