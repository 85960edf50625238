"""Causes of unrecovered failures: one phrase from a trial's outcome and events. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

from faultkit.model.events import Event, Kind, Outcome
from faultkit.store import queries
from faultkit.store.store import Store
from faultkit.verdict.outcomes import FAILED

CRASH_REPORTS = (Kind.KERNEL_OOPS, Kind.KERNEL_LOCKUP)
COLUMNS = ("trial", "driver", "policy", "outcome", "cause")


def causes(store: Store) -> pd.DataFrame:
    """A row for each valid trial in which the service was lost, hung, wrong, or the kernel died; columns as COLUMNS."""
    rows = [
        (run.n, run.driver, run.policy, run.outcome.name, cause(run.outcome, run.events, run.modules))
        for run in queries.recorded_trials(store)
        if run.outcome in FAILED
    ]
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def cause(outcome: Outcome, events: Collection[Event], modules: Iterable[str]) -> str:
    """The reason why a failure was not recovered. `modules`: the k-driver's, whose code is the driver's own."""
    if outcome is Outcome.CRASHED:
        return of_crash(events, frozenset(module.replace("-", "_") for module in modules))
    kinds = {event.kind for event in events}
    if outcome is Outcome.CORRUPT:
        return "wrong data, acknowledged as right"
    if Kind.ERROR_DETECTED not in kinds:
        return "no detector told of it"
    if Kind.RECOVERY_STARTED not in kinds:
        return "detected, and nobody acted"
    if Kind.SERVICE_RESTORED in kinds:
        return "the service was restored, but requests from before never ended, or it failed again"
    return "recovery began, and did not bring the service back"


def of_crash(events: Iterable[Event], modules: frozenset[str]) -> str:
    """The phrase for a kernel's death: its place."""
    trouble = next((event for event in events if event.kind in CRASH_REPORTS), None)
    if trouble is None:
        return "the kernel died without a report"
    if trouble.kind == Kind.KERNEL_LOCKUP:
        return "the kernel was caught in a loop or waited for a lock"
    if trouble.data.get("module") in modules:
        return "the kernel faulted in the driver's code"
    if trouble.data.get("function"):
        return "the kernel faulted elsewhere, on what the driver had left or passed"
    return "the driver jumped to where there is no code"
