"""The oracle: a finished record -> its outcome, flags and intervals. Pure; can be run again over old records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from faultkit.model.events import CRASHES, MEMORY_REPORTS, Ending, Event, Kind, Outcome
from faultkit.model.trial import Record
from faultkit.verdict.episodes import Episode, episodes

GROUPED = "trials can be grouped by it"
LATER = "results of before are read as if it were missing; `faultkit judge` fills it in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on one record. Intervals are virtual nanoseconds, None where an end is missing.

    Each field is a column of the table of trials, of frames and of the documents: its type and its text stand here.
    A field that is added is marked LATER, so that results of before can be read.
    """

    outcome: Annotated[Outcome, "compares by severity"]
    reason: Annotated[str | None, "the event that decided the outcome, with its time", LATER]
    injected: Annotated[bool, "`fault.injected` was seen"]
    activated: Annotated[bool, "`fault.activated` was seen: the witness saw the fault act"]
    manifested: Annotated[bool, "the outcome is worse than MASKED"]
    detected_by: Annotated[str | None, "the first detector: `pidfd`, `heartbeat` or a monitor", GROUPED]
    udriver_died: Annotated[bool, "the u-driver ended during the trial"]
    kdriver_reloaded: Annotated[bool, "recovery loaded the k-driver anew"]
    leaked: Annotated[
        bool, "more references to the module, or over 4 more descriptors in the u-driver, than before the fault"
    ]
    warned: Annotated[bool, "the kernel printed a warning report: a WARN, of KFENCE, of the slab's checks, and others"]
    recoveries: Annotated[int, "recovery attempts that were started (a count)"]
    failures: Annotated[int, "errors, one per episode, that a detector or the workload saw (a count)"]
    undetected: Annotated[int, "of these, errors that no detector saw (a count)"]
    activation_latency_ns: Annotated[int | None, "from `fault.injected` to `fault.activated`"]
    detection_latency_ns: Annotated[int | None, "from `fault.activated` to the first `error.detected`"]
    recovery_ns: Annotated[int | None, "from the first `error.detected` to the first `service.restored`"]
    outage_ns: Annotated[
        int | None, "the longest time after `fault.activated`, within the workload, without a completed request"
    ]
    crash_kind: Annotated[str | None, "the kernel's name for the crash; without a report, how the guest ended"]
    crash_function: Annotated[
        str | None, "the function to blame: where the kernel stopped, or its first caller that is no helper"
    ]


NEVER = Episode(())
LIVED = (Ending.FINISHED, Ending.CLIENT_DIED)  # of the kernel


def judge(record: Record) -> Verdict:
    """The worst outcome that any check finds; without activation, INACTIVE."""
    injected = first(record, Kind.FAULT_INJECTED)
    activated = first(record, Kind.FAULT_ACTIVATED)
    detected = first(record, Kind.ERROR_DETECTED)
    crash = next(crashes(record), None)
    seen = [episode for episode in episodes(record.events) if episode.detections or episode.failed]
    told = next((episode for episode in seen if episode.detections), NEVER)
    mended = next((episode for episode in seen if episode.restored), NEVER)
    decided = worst(record, activated is not None)
    return Verdict(
        outcome=decided.outcome,
        reason=decided.reason,
        injected=injected is not None,
        activated=activated is not None,
        manifested=decided.outcome > Outcome.MASKED,
        detected_by=str(detected.data["by"]) if detected else None,
        udriver_died=first(record, Kind.UDRIVER_DIED) is not None,
        kdriver_reloaded=any(e.data["step"] == "load" for e in of_kind(record, Kind.RECOVERY_STEP)),
        leaked=leaked(record),
        warned=first(record, Kind.KERNEL_WARN) is not None,
        recoveries=sum(1 for _ in of_kind(record, Kind.RECOVERY_STARTED)),
        failures=len(seen),
        undetected=sum(not episode.detections for episode in seen),
        activation_latency_ns=between(injected, activated),
        detection_latency_ns=between(told.activated, told.detected),
        recovery_ns=between(mended.detected, mended.end),
        outage_ns=outage(record, activated) if activated else None,
        crash_kind=crash_kind(record, crash),
        crash_function=crash.data.get("function") if crash else None,
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """An outcome that a check found, and its evidence in words."""

    outcome: Outcome
    reason: str | None = None


def worst(record: Record, activated: bool) -> Evidence:
    """The worst outcome any check finds. A golden trial counts as activated: nothing to wait for."""
    found = [each for check in CHECKS if (each := check(record)) is not None]
    decided = max(found, key=lambda each: each.outcome, default=Evidence(Outcome.MASKED))
    if decided.outcome >= Outcome.LOST:
        return decided  # a failure counts even if its activation went unseen
    if record.trial.fault is not None and not activated:
        return Evidence(Outcome.INACTIVE)
    return decided


def crashed(record: Record) -> Evidence | None:
    """The kernel reported an oops, panic, lockup or spoilt memory, or stopped in a way that only a crash explains."""
    if crash := next(crashes(record), None):
        return Evidence(Outcome.CRASHED, told(crash, "what", "function", "source", "line"))
    if record.ending not in LIVED:
        return Evidence(Outcome.CRASHED, f"the guest's end ({record.ending.value}), without a report of the kernel")
    return None


def corrupt(record: Record) -> Evidence | None:
    """A read handed over wrong data, acknowledged data was gone, or the service's client died of what it got."""
    if died := first(record, Kind.GUEST_CLIENT_DIED):
        return Evidence(Outcome.CORRUPT, told(died, "signal"))
    return found_in(record, Outcome.CORRUPT, Kind.READ_MISMATCHED)


def hung(record: Record) -> Evidence | None:
    """A request had neither completed nor failed by the deadline."""
    return found_in(record, Outcome.HUNG, Kind.REQUEST_STUCK)


def lost(record: Record) -> Evidence | None:
    """The service ended and said so, or the last check did not find it."""
    gone = (Kind.WORKLOAD_GAVE_UP, Kind.RECOVERY_GAVE_UP, Kind.CHECK_FAILED)
    return found_in(record, Outcome.LOST, *gone)


def disrupted(record: Record) -> Evidence | None:
    """The workload saw an error, or a request that was late."""
    if found := found_in(record, Outcome.DISRUPTED, Kind.REQUEST_FAILED):
        return found
    late_ns = record.trial.workload.late_s * 1e9
    late = (e for e in of_kind(record, Kind.REQUEST_COMPLETED) if e.data["latency_ns"] > late_ns)
    event = next(late, None)
    return Evidence(Outcome.DISRUPTED, told(event, "op", "latency_ns")) if event else None


def recovered(record: Record) -> Evidence | None:
    """Recovery ran and the service came back."""
    return found_in(record, Outcome.RECOVERED, Kind.SERVICE_RESTORED)


CHECKS = (crashed, corrupt, hung, lost, disrupted, recovered)
WORDS = ("op", "block", "why", "error", "what", "function")  # of an event's data, that a reason tells


def found_in(record: Record, outcome: Outcome, *kinds: Kind) -> Evidence | None:
    """The first event of these kinds, as evidence."""
    event = next((event for kind in kinds if (event := first(record, kind))), None)
    return Evidence(outcome, told(event, *WORDS)) if event else None


def told(event: Event, *fields: str) -> str:
    """An event as a reason: its kind, its time, and some of its data."""
    facts = ", ".join(f"{name} {event.data[name]}" for name in fields if event.data.get(name) is not None)
    return f"{event.kind} at {event.t_ns / 1e9:.3f} s{': ' if facts else ''}{facts}"


def first(record: Record, kind: str) -> Event | None:
    """The first event of a kind."""
    return next(of_kind(record, kind), None)


def of_kind(record: Record, kind: str) -> Iterator[Event]:
    """The events of a kind, in order."""
    return iter(record.by_kind.get(kind, ()))


def crashes(record: Record) -> Iterator[Event]:
    """The kernel's reports of its own end: spoilt memory before the oops, and that before the panic, that follow.

    What a kernel does after its memory was spoilt is no evidence, though it lives on.
    """
    yield from (event for event in of_kind(record, Kind.KERNEL_WARN) if event.data.get("report") in MEMORY_REPORTS)
    yield from (event for kind in CRASHES for event in of_kind(record, kind))


def crash_kind(record: Record, crash: Event | None) -> str | None:
    """The kernel's name of the crash; if it printed none, the guest's ending."""
    if crash is not None:
        return str(crash.data.get("what"))
    return None if record.ending in LIVED else record.ending.value


def between(start: Event | None, end: Event | None) -> int | None:
    """Nanoseconds from one event to another that follows it."""
    return max(0, end.t_ns - start.t_ns) if start and end else None


def outage(record: Record, activated: Event) -> int:
    """The longest time after activation without a completed request, up to the end of the workload."""
    ends = [e.t_ns for e in of_kind(record, Kind.REQUEST_COMPLETED) if e.t_ns >= activated.t_ns]
    finished = first(record, Kind.WORKLOAD_FINISHED) or (record.events[-1] if record.events else activated)
    return longest_gap([activated.t_ns, *sorted(ends), max(finished.t_ns, activated.t_ns)])


def longest_gap(times: Iterable[int]) -> int:
    """The largest distance between neighbours of a sorted sequence; 0 if there are none."""
    ordered = list(times)
    return max((b - a for a, b in pairwise(ordered)), default=0)


def leaked(record: Record) -> bool:
    """After the service came back, more module references or file descriptors than before the fault."""
    samples = list(of_kind(record, Kind.RESOURCES_SAMPLED))
    if len(samples) < 2 or record.ending is not Ending.FINISHED:
        return False
    before, after = samples[0].data, samples[-1].data
    more_refs = any((after["module_refs"].get(m) or 0) > (n or 0) for m, n in before["module_refs"].items())
    return more_refs or (after.get("fds") or 0) > (before.get("fds") or 0) + FD_SLACK


FD_SLACK = 4  # a restarted server may keep a log or an event descriptor more than its predecessor
