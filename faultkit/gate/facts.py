"""The facts that rules are judged on: scalar columns of a campaign's trials, in the order of its list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from faultkit.model.events import Kind, Outcome
from faultkit.results.signatures import excerpt, is_silent, signature
from faultkit.results.summary import GOLDEN, VOID_SHARE
from faultkit.statistics.sequential import Decision
from faultkit.store import queries
from faultkit.store.queries import Judged
from faultkit.store.store import Store

TIMES = {"recovery": "recovery_ns", "detection": "detection_latency_ns", "outage": "outage_ns"}
UNDECIDED = Decision.UNDECIDED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One valid trial. Times are virtual nanoseconds, None where an end is missing."""

    n: int
    outcome: Outcome
    flags: frozenset[str]  # those of columns.FLAGS that hold
    times: Mapping[str, int | None]
    strata: Mapping[str, str]  # name in columns.GROUPS -> value, "" for none
    recoveries: int = 0  # attempts started
    crash: str | None = None  # the signature

    @property
    def golden(self) -> bool:
        """True for a trial without a fault."""
        return self.strata["injector"] == GOLDEN

    @property
    def activated(self) -> bool:
        """True if the fault was activated, or the trial failed although no activation was seen."""
        return not self.golden and self.outcome is not Outcome.INACTIVE

    @property
    def manifested(self) -> bool:
        """True for an outcome worse than MASKED."""
        return not self.golden and self.outcome > Outcome.MASKED

    @property
    def detected(self) -> bool:
        """True if a detector reported an error."""
        return bool(self.strata["detected_by"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts about one campaign that a gate needs."""

    trials: tuple[Seen, ...]  # the valid ones, golden ones too, in the order of the list
    planned: int
    void: int
    unjudged: tuple[int, ...] = ()  # the numbers of the trials that ran but have no verdict
    watched: bool = False  # it was to stop once decided, so tests for a fixed number of trials do not hold
    decided: bool = False  # it did stop so, before the end of its list
    known: frozenset[str] = frozenset()  # crash signatures that are not news
    baseline: Facts | None = None
    mismatch: str | None = None  # why equal numbers make no pairs with the baseline; None if they do

    @property
    def ended(self) -> int:
        """The number of trials that have ended, void ones and those without a verdict included."""
        return len(self.trials) + self.void + len(self.unjudged)

    @property
    def unfinished(self) -> bool:
        """True if trials of a list that is to be run as a whole are missing."""
        return self.ended < self.planned and not self.decided

    @property
    def harness_trouble(self) -> bool:
        """True if so many trials are void that faultkit failed, and not the driver."""
        return self.void > VOID_SHARE * self.ended

    def faulty(self, where: Callable[[Seen], bool]) -> list[Seen]:
        """The trials with a fault that `where` selects, in the order of the list."""
        return [trial for trial in self.trials if not trial.golden and where(trial)]

    def crashes(self) -> dict[str, list[int]]:
        """Crash signature -> numbers of the trials that have it, golden ones included; the most frequent first."""
        found: dict[str, list[int]] = {}
        for trial in self.trials:
            if trial.crash:
                found.setdefault(trial.crash, []).append(trial.n)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def facts_of(store: Store) -> Facts:
    """The facts in a store; no event is unpacked."""
    meta, counts = store.meta(), queries.counts(store)
    decision = (meta.decision or {}).get("decision", UNDECIDED)
    return Facts(
        trials=tuple(map(seen, queries.judged(store))),
        planned=counts.planned if meta.planned is None else meta.planned,
        void=counts.void,
        unjudged=tuple(queries.without_verdict(store)),
        watched=meta.stop is not None,
        decided=decision != UNDECIDED,
    )


def seen(trial: Judged) -> Seen:
    """A stored trial as rules see it."""
    kind = trial.crash_kind
    return Seen(
        n=trial.n,
        outcome=trial.outcome,
        flags=trial.flags,
        times={name: trial.intervals[column] for name, column in TIMES.items()},
        strata=trial.groups,
        recoveries=trial.recoveries,
        crash=signature(kind, trial.crash_function) if kind else None,
    )


def compared(
    facts: Facts, *, known: Iterable[str] = (), baseline: Facts | None = None, mismatch: str | None = None
) -> Facts:
    """The same facts with known crashes and a baseline. The baseline's crashes count as known; silent ones never do."""
    before = frozenset(baseline.crashes()) if baseline else frozenset[str]()
    names = frozenset(name for name in (*known, *before) if not is_silent(name))
    return replace(facts, known=names, baseline=baseline, mismatch=mismatch)


def report_of(store: Store, n: int) -> str:
    """The kernel's report of the crash of trial `n`."""
    kinds = (Kind.KERNEL_OOPS, Kind.KERNEL_LOCKUP, Kind.KERNEL_PANIC)
    reports = [event for event in store.events(n) if event.kind in kinds]
    first = min(reports, key=lambda event: kinds.index(event.kind), default=None)
    return excerpt(store.console(n), str(first.data.get("text", "")) if first else "")
