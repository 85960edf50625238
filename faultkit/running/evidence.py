"""The evidence that a verdict needs: a trial without it is void, unless what is there tells of a failure already."""

from __future__ import annotations

from faultkit.model.events import CRASHES, Ending, Kind
from faultkit.model.trial import Record

AGENT = "agent"  # in `lost`, the events that did not fit into the log
FAILURES = (  # evidence of an outcome from LOST on, which nothing more could make milder
    *CRASHES, Kind.READ_MISMATCHED, Kind.REQUEST_STUCK, Kind.WORKLOAD_GAVE_UP, Kind.RECOVERY_GAVE_UP, Kind.CHECK_FAILED,
)  # fmt: skip
CHECKED = (Kind.CHECK_PASSED, Kind.CHECK_FAILED, Kind.REQUEST_STUCK)


def missing(record: Record) -> str | None:
    """The reason for which a record cannot be judged; None if its evidence is complete."""
    found = record.by_kind
    if record.ending is not Ending.FINISHED or any(kind in found for kind in FAILURES):
        return None
    for kind, words in ((Kind.TRIAL_STARTED, "beginning"), (Kind.TRIAL_FINISHED, "end")):
        if kind not in found:
            return f"its record lacks the {words} ({kind})"
    if count := record.lost.get(AGENT):
        return f"{count} events are lost, which did not fit into its log, and with them what it might have told"
    in_time = any(event.data.get("in_time") for event in found.get(Kind.WORKLOAD_FINISHED, ()))
    if in_time and not any(kind in found for kind in CHECKED):
        return "the workload's last check told neither check.passed nor check.failed"
    return None
