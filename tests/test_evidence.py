"""A record without the evidence for its outcome is void, or worse than it looks, and never better."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faultkit.model.events import Ending, Event
from faultkit.running.evidence import FAILURES, missing
from tests.records import a_record, at

WHOLE = (
    at(0, "trial.started"), at(1, "request.issued", n=1, op="read"), at(2, "request.completed", n=1, latency_ns=1),
    at(3, "workload.finished", in_time=True), at(4, "check.passed"), at(5, "trial.finished"),
)  # fmt: skip


def without(kind: str) -> list[Event]:
    """The whole record but for the events of a kind."""
    return [event for event in WHOLE if event.kind != kind]


def test_a_whole_record_lacks_nothing() -> None:
    assert missing(a_record(*WHOLE)) is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [("trial.started", "beginning"), ("trial.finished", "end"), ("check.passed", "neither check.passed nor")],
)
def test_a_record_that_lacks_an_event_is_void(kind: str, words: str) -> None:
    assert words in (missing(a_record(*without(kind))) or "")


def test_a_full_log_makes_a_trial_void() -> None:
    assert "3 events are lost" in (missing(replace(a_record(*WHOLE), lost={"agent": 3})) or "")
    assert missing(replace(a_record(*WHOLE), lost={"monitors.calls.Calls": 3})) is None, "no verdict hangs on calls"


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_that_was_seen_counts_whatever_is_lost(kind: str) -> None:
    record = replace(a_record(*without("check.passed"), at(9, kind, what="x", text="x")), lost={"agent": 3})
    assert missing(record) is None


def test_a_workload_that_was_not_done_owes_no_check() -> None:
    late = [at(3, "workload.finished", in_time=False) if e.kind == "workload.finished" else e for e in WHOLE]
    assert missing(a_record(*(event for event in late if event.kind != "check.passed"))) is None


@pytest.mark.parametrize("ending", [Ending.PANICKED, Ending.WATCHDOG, Ending.EXITED])
def test_a_guest_that_died_cannot_tell_its_end(ending: Ending) -> None:
    assert missing(a_record(*WHOLE[:3], ending=ending)) is None
