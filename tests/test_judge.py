"""The oracle: from what happened to its outcome, flags and intervals."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.events import MEMORY_REPORTS, Ending, Event, Outcome
from faultkit.verdict.judge import judge, longest_gap
from tests.records import EVENTS_OF, MS, RESTORED, a_record, a_trial, at

ACTIVATED = (at(10, "fault.injected"), at(11, "fault.activated"))


@pytest.mark.parametrize("outcome", list(Outcome), ids=lambda outcome: outcome.name)
def test_every_outcome_is_told_from_what_happened(outcome: Outcome) -> None:
    assert judge(a_record(*EVENTS_OF[outcome.name])).outcome is outcome


@pytest.mark.parametrize(("mild", "bad"), list(combinations(list(Outcome)[1:], 2)), ids=lambda outcome: outcome.name)
def test_the_worst_outcome_wins(mild: Outcome, bad: Outcome) -> None:
    both = sorted((*EVENTS_OF[mild.name], *EVENTS_OF[bad.name]), key=lambda event: event.t_ns)
    assert judge(a_record(*both)).outcome is bad


@given(st.lists(st.sampled_from(sorted(EVENTS_OF)), min_size=1))
def test_more_events_never_make_it_milder(names: list[str]) -> None:
    events = sorted((event for name in names for event in EVENTS_OF[name]), key=lambda event: event.t_ns)
    assert judge(a_record(*events)).outcome == max(Outcome[name] for name in names)


def test_an_error_without_activation_is_inactive() -> None:
    assert judge(a_record(at(10, "fault.injected"), EVENTS_OF["DISRUPTED"][-1])).outcome is Outcome.INACTIVE


@pytest.mark.parametrize("name", ["LOST", "HUNG", "CRASHED", "CORRUPT"])
def test_a_failure_counts_though_its_activation_went_unseen(name: str) -> None:
    unseen = [event for event in EVENTS_OF[name] if event.kind != "fault.activated"]
    verdict = judge(a_record(*unseen))
    assert verdict.outcome is Outcome[name]
    assert not verdict.activated and verdict.manifested


@pytest.mark.parametrize("ending", [Ending.PANICKED, Ending.WATCHDOG, Ending.EXITED])
def test_a_guest_that_stops_by_itself_has_crashed(ending: Ending) -> None:
    verdict = judge(a_record(*ACTIVATED, ending=ending))
    assert verdict.outcome is Outcome.CRASHED
    assert verdict.crash_kind == ending.value


@pytest.mark.parametrize("kind", ["workload.gave_up", "recovery.gave_up", "check.failed"])
def test_a_service_that_ends_is_lost(kind: str) -> None:
    assert judge(a_record(*ACTIVATED, at(20, kind))).outcome is Outcome.LOST


def test_a_slow_request_is_late_only_beyond_the_workloads_limit() -> None:
    def slow(latency_ms: int) -> Outcome:
        return judge(a_record(*RESTORED, at(2000, "request.completed", n=9, latency_ns=latency_ms * MS))).outcome

    assert slow(1000) is Outcome.RECOVERED
    assert slow(1001) is Outcome.DISRUPTED


@pytest.mark.parametrize(
    ("event", "outcome", "reason"),
    [
        (at(7, "request.failed", n=1, op="read", error="EIO"), "DISRUPTED",
         "request.failed at 0.007 s: op read, error EIO"),
        (at(2000, "request.completed", n=1, op="write", latency_ns=3000 * MS), "DISRUPTED",
         "request.completed at 2.000 s: op write, latency_ns 3000000000"),
        (at(9, "request.stuck", n=1, op="read"), "HUNG", "request.stuck at 0.009 s: op read"),
        (at(8, "check.failed", why="gone"), "LOST", "check.failed at 0.008 s: why gone"),
        (at(6, "kernel.oops", what="page fault", text="BUG", function="ring_write", line=812), "CRASHED",
         "kernel.oops at 0.006 s: what page fault, function ring_write, line 812"),
        (at(5, "read.mismatched", block=3, wrong_bytes=4), "CORRUPT", "read.mismatched at 0.005 s: block 3"),
    ],
)  # fmt: skip
def test_an_outcome_names_the_event_that_decided_it(event: Event, outcome: str, reason: str) -> None:
    verdict = judge(a_record(*ACTIVATED, event))
    assert (verdict.outcome.name, verdict.reason) == (outcome, reason)


def test_a_client_that_dies_is_no_crash_of_the_kernel() -> None:
    """The kernel wrote where it should not have: the client's memory held wrong data."""
    verdict = judge(a_record(*ACTIVATED, at(20, "guest.client_died", signal=11), ending=Ending.CLIENT_DIED))
    assert (verdict.outcome, verdict.crash_kind) == (Outcome.CORRUPT, None)
    assert verdict.reason == "guest.client_died at 0.020 s: signal 11"


def test_a_crash_without_a_report_says_so() -> None:
    verdict = judge(a_record(*ACTIVATED, ending=Ending.PANICKED))
    assert verdict.reason == "the guest's end (panicked), without a report of the kernel"


def test_a_golden_trial_without_trouble_is_masked() -> None:
    verdict = judge(a_record(at(5, "request.completed", n=1, latency_ns=1), trial=a_trial(fault=None, trigger=None)))
    assert verdict.outcome is Outcome.MASKED
    assert not (verdict.injected or verdict.activated or verdict.manifested)


def test_a_golden_trial_with_an_error_shows_it() -> None:
    assert judge(a_record(EVENTS_OF["DISRUPTED"][-1], trial=a_trial(fault=None))).outcome is Outcome.DISRUPTED


def test_only_what_is_worse_than_masked_has_manifested() -> None:
    manifested = {name for name, events in EVENTS_OF.items() if judge(a_record(*events)).manifested}
    assert manifested == EVENTS_OF.keys() - {"INACTIVE", "MASKED"}


def test_the_intervals_lie_between_their_ends() -> None:
    verdict = judge(a_record(*RESTORED))
    assert verdict.activation_latency_ns == 1 * MS
    assert verdict.detection_latency_ns == 1 * MS
    assert verdict.recovery_ns == 28 * MS
    assert verdict.detected_by == "pidfd"
    assert verdict.recoveries == 1


def test_an_interval_without_an_end_is_missing() -> None:
    verdict = judge(a_record(*ACTIVATED))
    assert verdict.activation_latency_ns == 1 * MS
    assert verdict.detection_latency_ns is None and verdict.recovery_ns is None and verdict.detected_by is None
    assert judge(a_record()).activation_latency_ns is None


def test_the_outage_is_the_longest_time_without_a_completed_request() -> None:
    done = [at(ms, "request.completed", n=ms, latency_ns=MS) for ms in (5, 20, 90, 100)]
    events = (*done[:1], *ACTIVATED, *done[1:], at(130, "workload.finished"))
    assert judge(a_record(*events)).outage_ns == 70 * MS


def test_the_outage_lasts_until_the_end_if_nothing_completes_again() -> None:
    assert judge(a_record(*ACTIVATED, at(500, "guest.panicked"), ending=Ending.PANICKED)).outage_ns == 489 * MS


def test_there_is_no_outage_without_activation() -> None:
    assert judge(a_record(at(10, "fault.injected"))).outage_ns is None


def test_of_an_oops_and_the_panic_that_follows_the_oops_is_named() -> None:
    panic = at(11.5, "kernel.panic", what="Fatal exception", function=None)
    oops = at(12, "kernel.oops", what="page fault", function="nbd_queue_rq", offset=4, text="")
    verdict = judge(a_record(*ACTIVATED, panic, oops, ending=Ending.PANICKED))
    assert (verdict.crash_kind, verdict.crash_function) == ("page fault", "nbd_queue_rq")


def test_flags_tell_what_else_was_seen() -> None:
    quiet = judge(a_record(*ACTIVATED))
    assert not (quiet.udriver_died or quiet.kdriver_reloaded or quiet.warned or quiet.leaked)
    loud = judge(
        a_record(*ACTIVATED, at(12, "udriver.died"), at(13, "kernel.warn"), at(14, "recovery.step", step="load"))
    )
    assert loud.udriver_died and loud.kdriver_reloaded and loud.warned


@pytest.mark.parametrize(
    ("fds", "refs", "leaked"), [(8, 1, False), (12, 1, False), (13, 1, True), (8, 2, True), (8, 0, False)]
)
def test_a_leak_is_more_references_or_many_more_descriptors(fds: int, refs: int, leaked: bool) -> None:
    events = (at(1, "resources.sampled", fds=8, module_refs={"nbd": 1}), *ACTIVATED)
    after = at(90, "resources.sampled", fds=fds, module_refs={"nbd": refs})
    assert judge(a_record(*events, after)).leaked is leaked
    assert not judge(a_record(*events, after, ending=Ending.PANICKED)).leaked


@given(st.lists(st.integers(0, 1000), min_size=1))
def test_the_longest_gap_is_between_neighbours(times: list[int]) -> None:
    ordered = sorted(times)
    gap = longest_gap(ordered)
    assert gap <= ordered[-1] - ordered[0]
    assert gap * (len(ordered) - 1) >= ordered[-1] - ordered[0]


def test_each_failure_is_counted_and_those_that_nobody_detected_apart() -> None:
    detected = (at(500, "fault.injected"), at(501, "fault.activated"), at(502, "error.detected", by="pidfd", what="x"))
    silent = (at(900, "fault.injected"), at(901, "fault.activated"), at(950, "request.failed", n=9))
    harmless = (at(990, "fault.injected"), at(991, "fault.activated"))
    verdict = judge(a_record(*RESTORED, *detected, at(600, "service.restored"), *silent, *harmless))
    assert (verdict.failures, verdict.undetected) == (3, 1)
    assert verdict.outcome is Outcome.DISRUPTED


def test_what_never_failed_was_not_missed_either() -> None:
    verdict = judge(a_record(*ACTIVATED))
    assert (verdict.failures, verdict.undetected) == (0, 0)


def test_intervals_are_those_of_one_failure_and_not_of_two() -> None:
    """The first is seen by nobody, the second gives up by itself, the third is mended."""
    silent = (at(10, "fault.injected"), at(11, "fault.activated"), at(13, "request.failed", n=1))
    gone = (at(100, "fault.injected"), at(101, "fault.activated"), at(104, "error.detected", by="heartbeat", what="x"))
    later = [replace(event, t_ns=event.t_ns + 300 * MS) for event in RESTORED]
    verdict = judge(a_record(*silent, *gone, at(150, "error.gone"), *later))
    assert (verdict.detection_latency_ns, verdict.recovery_ns) == (3 * MS, 28 * MS)
    assert (verdict.failures, verdict.undetected) == (3, 1)


@pytest.mark.parametrize("report", sorted(MEMORY_REPORTS))
def test_a_report_of_spoilt_memory_is_a_crash_and_its_reason(report: str) -> None:
    what = "KFENCE: use-after-free read"
    told = at(20, "kernel.warn", what=what, text=f"BUG: {what}", report=report, function="ring_read", line=7)
    verdict = judge(a_record(*RESTORED, told))
    assert (verdict.outcome, verdict.crash_kind, verdict.crash_function) == (Outcome.CRASHED, what, "ring_read")
    assert verdict.reason == f"kernel.warn at 0.020 s: what {what}, function ring_read, line 7"
    assert judge(a_record(told, trial=a_trial(fault=None, trigger=None))).outcome is Outcome.CRASHED


@pytest.mark.parametrize("report", ["warning", "lockdep", "transmit timeout", "kcsan", "kmemleak", None])
def test_any_other_warning_of_the_kernel_is_none(report: str | None) -> None:
    told = at(20, "kernel.warn", what="net/core/dev.c:1", text="WARNING", **({"report": report} if report else {}))
    assert judge(a_record(*RESTORED, told)).outcome is Outcome.RECOVERED


def test_spoilt_memory_explains_the_oops_that_follows() -> None:
    told = at(11, "kernel.warn", what="KASAN: slab-use-after-free", text="BUG", report="kasan", function="ring_read")
    assert judge(a_record(*EVENTS_OF["CRASHED"], told)).crash_kind == "KASAN: slab-use-after-free"
