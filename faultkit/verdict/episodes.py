"""A trial's errors, one by one: the activation, the detections and the recovery of each. Pure.

An episode begins with an activation, a detection or what the workload saw, and ends when the service is restored,
when recovery gives up, or when the error is gone by itself. A fault that is put in again begins a new one if
nobody had detected the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from faultkit.model import actions
from faultkit.model.actions import PROBE, phase_of
from faultkit.model.events import ENDS, TROUBLE, Event, Kind

BEGINS = frozenset({Kind.FAULT_ACTIVATED, Kind.ERROR_DETECTED})

PHASES: Mapping[str, tuple[str, str]] = {  # of a recovery, in order -> its beginning ("": the phase before), its end
    "detected": ("`fault.activated`", "the first `error.detected`"),
    "waited": ("the first `error.detected`, or the end of the attempt before", "`recovery.started`"),
    **{phase: ("", end) for phase, end in actions.PHASES.items()},
    "first_byte": ("the end of `state_back`", "the first request of the workload that completed after it"),
    "recovered": ("the first `error.detected`", "`service.restored`"),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """One error, from its activation to its end."""

    events: tuple[Event, ...]

    @property
    def activated(self) -> Event | None:
        """The first activation; None if it went unseen."""
        return next(self.of_kind(Kind.FAULT_ACTIVATED), None)

    @property
    def detections(self) -> tuple[Event, ...]:
        """The detections: one by each detector, the first one first."""
        return tuple(self.of_kind(Kind.ERROR_DETECTED))

    @property
    def detected(self) -> Event | None:
        """The first detection; None if there is none."""
        return next(self.of_kind(Kind.ERROR_DETECTED), None)

    @property
    def end(self) -> Event | None:
        """The event that ended it; None if it lasted to the end of the trial."""
        return next((event for event in self.events if event.kind in ENDS), None)

    @property
    def restored(self) -> bool:
        """Report whether recovery brought the service back."""
        return self.end is not None and self.end.kind == Kind.SERVICE_RESTORED

    @property
    def failed(self) -> bool:
        """Report whether the workload saw more of it than delay."""
        return any(event.kind in TROUBLE for event in self.events)

    def of_kind(self, kind: str) -> Iterator[Event]:
        """The events of one kind, in order."""
        return (event for event in self.events if event.kind == kind)

    def attempts(self) -> Iterator[tuple[Event, ...]]:
        """The events of each recovery attempt, from its start on."""
        own: list[Event] = []
        for event in self.events:
            if event.kind == Kind.RECOVERY_STARTED and own:
                yield tuple(own)
                own = []
            if own or event.kind == Kind.RECOVERY_STARTED:
                own.append(event)
        if own:
            yield tuple(own)


def episodes(events: Iterable[Event]) -> list[Episode]:
    """A trial's episodes, in order. Raises nothing: unfinished ones are there, too."""
    found: list[list[Event]] = []
    is_open = False
    for event in events:
        if event.kind == Kind.FAULT_INJECTED:
            is_open = is_open and any(e.kind == Kind.ERROR_DETECTED for e in found[-1])
        elif event.kind in BEGINS or (event.kind in TROUBLE and not found):
            if not is_open:
                found.append([])
            is_open = True
            found[-1].append(event)
        elif event.kind in TROUBLE or (is_open and (event.kind in ENDS or event.kind.startswith("recovery."))):
            found[-1].append(event)  # the workload may see it late
            is_open = is_open and event.kind not in ENDS
    return [Episode(tuple(own)) for own in found]


@dataclass(frozen=True, slots=True)
class Phase:
    """The duration of one of PHASES, in virtual time. Not `complete`: it ended in failure, or with the trial."""

    episode: int  # counted from 0
    attempt: int  # counted from 1; 0 for what is none's
    action: str
    phase: str
    duration_ns: int
    complete: bool = True


def all_phases(events: Sequence[Event]) -> list[Phase]:
    """The phases of each recovery, in order."""
    return [phase for n, episode in enumerate(episodes(events)) for phase in phases_of(n, episode, events)]


def phases_of(n: int, episode: Episode, events: Sequence[Event]) -> Iterator[Phase]:
    """One episode's phases, in order; `events` are those of the whole trial."""
    known = episode.detected
    if known is None:
        return
    if episode.activated:
        yield Phase(n, 0, "", "detected", max(0, known.t_ns - episode.activated.t_ns))
    waits_since = known.t_ns
    for k, own in enumerate(episode.attempts(), 1):
        spans = Spans(events[-1].t_ns, own)
        action = str(own[0].data["action"])
        yield Phase(n, k, action, "waited", max(0, own[0].t_ns - waits_since))
        yield from (Phase(n, k, action, *span) for span in spans.by_phase())
        waits_since = spans.end_ns
        if spans.ok:
            yield from (Phase(n, k, action, "first_byte", *span) for span in first_byte(spans.back_ns, events))
    if episode.end is None or episode.end.kind != Kind.ERROR_GONE:
        end_ns = episode.end.t_ns if episode.end else events[-1].t_ns
        yield Phase(n, 0, "", "recovered", end_ns - known.t_ns, episode.restored)


@dataclass(slots=True)
class Spans:
    """The steps of one attempt; `trial_end_ns` is where it ends if nothing else ended it."""

    trial_end_ns: int
    events: Sequence[Event]
    ok: bool = field(init=False)
    end_ns: int = field(init=False)
    back_ns: int = field(init=False)  # when its last step but the probe was done

    def __post_init__(self) -> None:
        finished = next((e for e in self.events if e.kind == Kind.RECOVERY_FINISHED), None)
        self.ok = finished is not None and bool(finished.data["ok"])
        self.end_ns = finished.t_ns if finished else self.trial_end_ns
        self.back_ns = next((e.t_ns for e in self.events if e.data.get("step") == PROBE), self.end_ns)

    def by_phase(self) -> Iterator[tuple[str, int, bool]]:
        """Phase, nanoseconds, whether it was brought to its end. Steps of one phase are added up."""
        steps = [(str(e.data["step"]), e.t_ns) for e in self.events if e.kind == Kind.RECOVERY_STEP]
        total: dict[str, int] = {}
        for (step, start_ns), (_, end_ns) in pairwise([*steps, ("", self.end_ns)]):
            phase = phase_of(step)
            total[phase] = total.get(phase, 0) + end_ns - start_ns
        last = phase_of(steps[-1][0]) if steps else None
        return ((phase, spent_ns, self.ok or phase != last) for phase, spent_ns in total.items())


def first_byte(back_ns: int, events: Sequence[Event]) -> Iterator[tuple[int, bool]]:
    """The time until a request completed, and True if one did; nothing if the workload had already ended."""
    done_ns = next((e.t_ns for e in events if e.kind == Kind.REQUEST_COMPLETED and e.t_ns >= back_ns), None)
    over_ns = next((e.t_ns for e in events if e.kind == Kind.WORKLOAD_FINISHED), events[-1].t_ns)
    if done_ns is not None:
        yield done_ns - back_ns, True
    elif over_ns > back_ns:
        yield over_ns - back_ns, False
