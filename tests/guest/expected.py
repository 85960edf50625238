"""The outcome that follows from the requests of a trial, found without the oracle's own events."""

from __future__ import annotations

from collections.abc import Sequence

from faultkit import Outcome, Record
from faultkit.model.events import Event


def gone(record: Record) -> Outcome:
    """The outcome where the service is lost: HUNG if a request was never answered, otherwise LOST."""
    assert not named(record, "check.passed"), "the service is there at the end"
    return Outcome.HUNG if unanswered(record) else Outcome.LOST


def back(record: Record) -> Outcome:
    """The outcome where the service is there at the end: DISRUPTED if a request failed or was late.

    Otherwise RECOVERED if the service was away, and MASKED if it was not.
    """
    assert named(record, "check.passed") and not unanswered(record), "the service is lost"
    late_ns = record.trial.workload.late_s * 1e9
    if named(record, "request.failed") or any(
        event.data["latency_ns"] > late_ns for event in named(record, "request.completed")
    ):
        return Outcome.DISRUPTED
    return Outcome.RECOVERED if named(record, "service.restored") else Outcome.MASKED


def unanswered(record: Record) -> set[int]:
    """The numbers of the requests that neither completed nor failed."""
    answered = {event.data["n"] for kind in ("request.completed", "request.failed") for event in named(record, kind)}
    return {event.data["n"] for event in named(record, "request.issued")} - answered


def named(record: Record, kind: str) -> Sequence[Event]:
    """The events of a kind."""
    return record.by_kind.get(kind, ())
