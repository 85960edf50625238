"""The facts that rules are judged on: scalar columns of a campaign's trials, in the order of its list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from faultkit.model.events import Kind, Outcome
from faultkit.results.signatures import excerpt, signature
from faultkit.results.summary import COLUMNS, GOLDEN, VOID_SHARE
from faultkit.statistics.sequential import Decision
from faultkit.store.store import Store

TIMES = {"recovery": "recovery_ns", "detection": "detection_latency_ns", "outage": "outage_ns"}
FLAGS = ("injected", "manifested", "leaked", "warned", "udriver_died", "kdriver_reloaded")
FIELDS = ("n", "outcome", "crash_kind", "crash_function", "recoveries", *FLAGS, *TIMES.values())
UNDECIDED = Decision.UNDECIDED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One valid trial. Times are virtual nanoseconds, None where an end is missing."""

    n: int
    outcome: Outcome
    flags: frozenset[str]
    times: Mapping[str, int | None]
    strata: Mapping[str, str]  # column of COLUMNS -> value, "" for none
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
    watched: bool = False  # it was to stop once decided, so tests for a fixed number of trials do not hold
    decided: bool = False  # it did stop so, before the end of its list
    known: frozenset[str] = frozenset()  # crash signatures that are not news
    baseline: Facts | None = None
    mismatch: str | None = None  # why equal numbers make no pairs with the baseline; None if they do

    @property
    def ended(self) -> int:
        """The number of trials that have ended, void ones included."""
        return len(self.trials) + self.void

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
    """The facts in a store, by SQL alone: no event is unpacked."""
    columns = ", ".join((*FIELDS, *COLUMNS))
    rows = store.query(f"SELECT {columns} FROM trials WHERE void IS NULL ORDER BY n")  # noqa: S608
    trials = tuple(seen(dict(zip((*FIELDS, *COLUMNS), row, strict=True))) for row in rows)
    ((void, stored),) = store.query("SELECT COUNT(void), COUNT(*) FROM trials")
    meta = store.meta()
    decision = (meta.get("decision") or {}).get("decision", UNDECIDED)
    return Facts(
        trials=trials,
        planned=int(meta.get("planned", stored)),
        void=void,
        watched=meta.get("stop") is not None,
        decided=decision != UNDECIDED,
    )


def seen(row: Mapping[str, Any]) -> Seen:
    """A row of the store."""
    kind = row["crash_kind"]
    return Seen(
        n=row["n"],
        outcome=Outcome[row["outcome"]],
        flags=frozenset(name for name in FLAGS if row[name]),
        times={name: row[column] for name, column in TIMES.items()},
        strata={name: str(row[name] or "") for name in COLUMNS},
        recoveries=row["recoveries"] or 0,
        crash=signature(kind, row["crash_function"]) if kind else None,
    )


def compared(
    facts: Facts, *, known: Iterable[str] = (), baseline: Facts | None = None, mismatch: str | None = None
) -> Facts:
    """The same facts with known crashes and a baseline. The baseline's crashes count as known."""
    before = frozenset(baseline.crashes()) if baseline else frozenset[str]()
    return replace(facts, known=frozenset(known) | before, baseline=baseline, mismatch=mismatch)


def report_of(store: Store, n: int) -> str:
    """The kernel's report of the crash of trial `n`."""
    kinds = (Kind.KERNEL_OOPS, Kind.KERNEL_LOCKUP, Kind.KERNEL_PANIC)
    told = [event for event in store.events(n) if event.kind in kinds]
    first = min(told, key=lambda event: kinds.index(event.kind), default=None)
    return excerpt(store.console(n), str(first.data.get("text", "")) if first else "")
