"""Questions about the trials of a store, answered by typed rows. SQL, and paths into stored JSON, are here alone.

A valid trial is one that was run and judged; a void one has no run; one without a verdict waits for `faultkit judge`.
None of these unpacks events, but those whose rows have them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faultkit.model.codec import GOLDEN, ForeignPart, decode
from faultkit.model.events import Event, Outcome
from faultkit.model.known import known
from faultkit.store.columns import FLAGS, GROUPS, INTERVALS, VERDICT
from faultkit.store.packing import plan_of, unpack_events
from faultkit.store.store import Store

FAULTY = f"injector <> '{GOLDEN}'"
ACCOUNTING = f"""
COUNT(*),
COUNT(*) FILTER (WHERE {FAULTY} AND (injected OR outcome <> 'INACTIVE')),
COUNT(*) FILTER (WHERE {FAULTY} AND outcome <> 'INACTIVE'),
COUNT(*) FILTER (WHERE {FAULTY} AND manifested),
COUNT(void)
"""
NOT_CLEAN = f"""
SELECT COUNT(*) FROM trials
WHERE NOT {FAULTY} AND (manifested OR recoveries > 0 OR detected_by IS NOT NULL)
"""
TIMING = "json_extract(plan, '$.detectors.beat_s'), json_extract(plan, '$.detectors.deadline_s')"


@dataclass(frozen=True, slots=True)
class Accounting:
    """Trials, and those of them with a fault that got so far."""

    planned: int  # trials that have ended by now
    injected: int
    activated: int  # a failure counts even if its activation went unseen
    manifested: int
    void: int


@dataclass(frozen=True, slots=True)
class EndedTrial:
    """A trial that has ended: its injector, and its outcome if it is valid."""

    n: int
    injector: str
    outcome: Outcome | None

    @property
    def golden(self) -> bool:
        """Say if it had no fault."""
        return self.injector == GOLDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A valid trial with its verdict. Intervals are virtual nanoseconds, None where an end is missing."""

    n: int
    outcome: Outcome
    flags: frozenset[str]  # those of columns.FLAGS that hold
    intervals: Mapping[str, int | None]  # name in columns.INTERVALS -> length
    groups: Mapping[str, str]  # name in columns.GROUPS -> value, "" for none
    recoveries: int
    crash_kind: str | None
    crash_function: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A trial's plan, encoded, with the names that parts have today; and its outcome if it is valid."""

    n: int
    plan: Mapping[str, Any]
    outcome: Outcome | None
    void: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A valid trial and its events, which are unpacked when they are asked for."""

    n: int
    driver: str
    injector: str
    policy: str
    outcome: Outcome
    beat_s: float  # of its detectors; NaN if there is none
    deadline_s: float
    interval_s: float | None  # of its trigger, if it fires again and again
    _plan: str = field(repr=False)
    _events: bytes = field(repr=False)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events, by time."""
        return unpack_events(self._events)

    @property
    def modules(self) -> tuple[str, ...]:
        """The k-driver's modules; none for a driver of a module that is not loaded, which does not store them.

        Raises: UsageError, ImportError, AttributeError, TypeError if the driver's class is gone.
        """
        driver = decode(plan_of(self._plan)["driver"], known)
        found = getattr(driver, "modules", ()) if isinstance(driver, ForeignPart) else driver.modules
        return tuple(name for name in found if isinstance(name, str)) if isinstance(found, tuple) else ()


@dataclass(frozen=True, slots=True)
class Head:
    """The parts of a trial by their short names, and its end, for a line of text."""

    injector: str
    target: str | None
    trigger: str  # "" for none
    policy: str
    driver: str
    outcome: str | None
    void: str | None
    unjudged: str | None
    reason: str | None  # the evidence for the outcome

    @property
    def end(self) -> str:
        """The outcome, or the reason for which there is none."""
        if self.void is not None:
            return f"void ({self.void})"
        return self.outcome or f"no verdict ({self.unjudged or 'not judged yet'}): `faultkit judge` asks again"


@dataclass(frozen=True, slots=True)
class Took:
    """Host seconds of a valid trial, and those of them in which QEMU executed the guest."""

    n: int
    wall_s: float
    guest_s: float


@dataclass(frozen=True, slots=True)
class Replays:
    """Runs of stored trials again, `jobs` at a time, and those of them that ran as before."""

    jobs: int
    runs: int
    outcome_agrees: int
    events_agree: int


def counts(store: Store) -> Accounting:
    """How far the trials got."""
    return Accounting(*next(store.select(f"SELECT {ACCOUNTING} FROM trials")))


def counts_by(store: Store, column: str) -> dict[str, Accounting]:
    """The same for each value of one of GROUPS; golden trials are a group of their own by injector, or left out."""
    sql = f"SELECT COALESCE({grouping(column)}, ''), {ACCOUNTING} FROM trials {faulty_by(column)} GROUP BY 1 ORDER BY 1"
    return {value: Accounting(*found) for value, *found in store.select(sql)}


def counts_by_policy(store: Store, column: str) -> dict[tuple[str, str], Accounting]:
    """The same for each value of one of GROUPS, and policy, without golden trials."""
    head = f"SELECT COALESCE({grouping(column)}, ''), policy, {ACCOUNTING}"
    rows = store.select(f"{head} FROM trials WHERE {FAULTY} GROUP BY 1, 2 ORDER BY 1, 2")
    return {(value, policy): Accounting(*found) for value, policy, *found in rows}


def outcome_counts(store: Store) -> dict[str, int]:
    """Outcome -> valid trials with a fault that ended so."""
    sql = f"SELECT outcome, COUNT(*) FROM trials WHERE {FAULTY} AND outcome NOT NULL GROUP BY 1"
    return dict(store.select(sql))


def outcomes_by(store: Store, column: str) -> dict[str, dict[str, int]]:
    """The same for each value of one of GROUPS; golden trials as in `counts_by`."""
    head = f"SELECT COALESCE({grouping(column)}, ''), outcome, COUNT(*) FROM trials"
    found: dict[str, dict[str, int]] = {}
    for value, outcome, count in store.select(f"{head} {faulty_by(column)} GROUP BY 1, 2 ORDER BY 1"):
        if outcome is not None:
            found.setdefault(value, {})[outcome] = count
    return found


def outcomes_by_policy(store: Store, column: str) -> dict[tuple[str, str], dict[str, int]]:
    """The same for each value of one of GROUPS, and policy, without golden trials."""
    head = f"SELECT COALESCE({grouping(column)}, ''), policy, outcome, COUNT(*) FROM trials"
    found: dict[tuple[str, str], dict[str, int]] = {}
    for value, policy, outcome, count in store.select(f"{head} WHERE {FAULTY} GROUP BY 1, 2, 3"):
        found.setdefault((value, policy), {})
        if outcome is not None:
            found[value, policy][outcome] = count
    return found


def grouping(column: str) -> str:
    """The column, if trials can be grouped by it: its name goes into SQL. Raises: ValueError."""
    if column not in GROUPS:
        raise ValueError(f"trials cannot be grouped by {column!r}")
    return column


def faulty_by(column: str) -> str:
    """The condition that leaves golden trials out, unless they are a group of their own."""
    return "" if column == "injector" else f"WHERE {FAULTY}"


def golden_not_clean(store: Store) -> int:
    """Golden trials with a detection, a recovery or an outcome worse than MASKED."""
    return int(next(store.select(NOT_CLEAN))[0])


def void_reasons(store: Store) -> dict[str, int]:
    """The reason for which trials are void -> how many are; the most frequent first."""
    sql = "SELECT void, COUNT(*) FROM trials WHERE void NOT NULL GROUP BY void ORDER BY COUNT(*) DESC, MIN(n)"
    return dict(store.select(sql))


def first_void(store: Store) -> str | None:
    """The reason for which the first void trial is."""
    return next((reason for (reason,) in store.select("SELECT void FROM trials WHERE void NOT NULL ORDER BY n")), None)


def void_passing(store: Store) -> int:
    """The number of void trials whose cause passes."""
    return int(next(store.select("SELECT COUNT(*) FROM trials WHERE passing = 1"))[0])


def without_verdict(store: Store) -> dict[int, str | None]:
    """The trials that ran but have no verdict -> the oracle's error; None: it was not asked yet."""
    sql = "SELECT n, unjudged FROM trials WHERE void IS NULL AND outcome IS NULL ORDER BY n"
    return dict(store.select(sql))


def unsorted(store: Store) -> list[int]:
    """The trials whose fault's classes are not written: the campaign was killed before."""
    return [n for (n,) in store.select("SELECT n FROM trials WHERE fault_type IS NULL ORDER BY n")]


def valid_numbers(store: Store) -> list[int]:
    """The numbers of the valid trials."""
    return [n for (n,) in store.select("SELECT n FROM trials WHERE outcome NOT NULL ORDER BY n")]


def ended(store: Store) -> Iterator[EndedTrial]:
    """The trials that are done for good, by number."""
    for n, injector, outcome in store.select(
        "SELECT n, injector, outcome FROM trials WHERE passing IS NOT 1 ORDER BY n"
    ):
        yield EndedTrial(n, injector, outcome_of(outcome))


def outcome_of(name: str | None) -> Outcome | None:
    """The outcome of that name; None for a trial without one."""
    return None if name is None else Outcome[name]


def judged(store: Store, *, first: int = 0, below: int | None = None) -> list[Judged]:
    """The valid trials from number `first` on and below another, by number."""
    names = ("n", "outcome", "recoveries", "crash_kind", "crash_function")
    columns = ", ".join((*names, *FLAGS, *INTERVALS, *GROUPS))
    sql = f"SELECT {columns} FROM trials WHERE outcome NOT NULL AND n >= ? AND n < ? ORDER BY n"
    rows = store.select(sql, first, 2**62 if below is None else below)
    return [as_judged(row) for row in rows]


def as_judged(row: Sequence[Any]) -> Judged:
    """A row of `judged`."""
    n, outcome, recoveries, kind, function, *rest = row
    flags, rest = rest[: len(FLAGS)], rest[len(FLAGS) :]
    intervals, groups = rest[: len(INTERVALS)], rest[len(INTERVALS) :]
    return Judged(
        n=n,
        outcome=Outcome[outcome],
        flags=frozenset(name for name, holds in zip(FLAGS, flags, strict=True) if holds),
        intervals=dict(zip(INTERVALS, intervals, strict=True)),
        groups={name: str(value or "") for name, value in zip(GROUPS, groups, strict=True)},
        recoveries=recoveries or 0,
        crash_kind=kind,
        crash_function=function,
    )


def verdict(store: Store, n: int) -> dict[str, Any]:
    """The verdict on a trial, by column. Raises: UsageError if there is no such trial."""
    return dict(zip(VERDICT, store.some(n, VERDICT), strict=True))


def head(store: Store, n: int) -> Head:
    """The parts and the end of a trial. Raises: UsageError if there is no such trial."""
    columns = ("injector", "target", "trigger", "policy", "driver", "outcome", "void", "unjudged", "reason")
    return Head(*store.some(n, columns))


def planned(store: Store) -> Iterator[Planned]:
    """All trials with their plans, by number."""
    for n, plan, outcome, void in store.select("SELECT n, plan, outcome, void NOT NULL FROM trials ORDER BY n"):
        yield Planned(n, plan_of(plan), outcome_of(outcome), bool(void))


def policies(store: Store) -> list[str]:
    """The short names of the policies that answered faults."""
    return [policy for (policy,) in store.select(f"SELECT DISTINCT policy FROM trials WHERE {FAULTY}")]


def recorded_trials(store: Store, n: int | None = None) -> Iterator[Recorded]:
    """The valid trials with their events, by number; or one of them, if it is valid."""
    names = f"n, driver, injector, policy, outcome, {TIMING}, json_extract(plan, '$.trigger.interval_s'), plan, events"
    sql = f"SELECT {names} FROM trials WHERE outcome NOT NULL"
    rows = store.select(f"{sql} ORDER BY n") if n is None else store.select(f"{sql} AND n = ?", n)
    for number, driver, injector, policy, outcome, beat_s, deadline_s, interval_s, plan, events in rows:
        yield Recorded(
            n=number, driver=driver, injector=injector, policy=policy, outcome=Outcome[outcome],
            beat_s=numeric(beat_s) or math.nan, deadline_s=numeric(deadline_s) or math.nan,
            interval_s=numeric(interval_s),
            _plan=plan, _events=events,
        )  # fmt: skip


def trials_by_timing(store: Store) -> dict[tuple[float, float, str], int]:
    """Beat and deadline of the detectors, and injector -> valid trials."""
    sql = f"SELECT {TIMING}, injector, COUNT(*) FROM trials WHERE outcome NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    rows = (
        (numeric(beat_s), numeric(limit_s), injector, count) for beat_s, limit_s, injector, count in store.select(sql)
    )
    return {(beat_s, limit_s, injector): count for beat_s, limit_s, injector, count in rows if beat_s and limit_s}


def numeric(value: Any) -> float | None:
    """A number out of a plan; None for anything else."""
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def took(store: Store) -> list[Took]:
    """The host's time for each trial that ran, by number."""
    sql = "SELECT n, wall_s, guest_s FROM trials WHERE void IS NULL AND wall_s NOT NULL AND guest_s NOT NULL ORDER BY n"
    return [Took(*row) for row in store.select(sql)]


def replayed_trials(store: Store) -> int:
    """The number of trials that were run again."""
    return int(next(store.select("SELECT COUNT(DISTINCT n) FROM replays"))[0])


def replays(store: Store) -> list[Replays]:
    """The runs of stored trials again, by the number of trials at a time."""
    sql = "SELECT jobs, COUNT(*), SUM(outcome_agrees), SUM(events_agree) FROM replays GROUP BY jobs ORDER BY jobs"
    return [Replays(*row) for row in store.select(sql)]


def scalars(store: Store, names: Iterable[str]) -> list[tuple[Any, ...]]:
    """Some columns of all trials, by number, for frames."""
    return list(store.select(f"SELECT {', '.join(names)} FROM trials ORDER BY n"))


def wanted_events(
    store: Store, asked: Sequence[int] | None = None, wanted: Callable[[Event], bool] = lambda _event: True
) -> Iterator[tuple[int, list[Event]]]:
    """The wanted events of each trial that ran, or of those asked for by number."""
    sql = "SELECT n, events FROM trials WHERE events NOT NULL"
    if asked is None:
        rows = store.select(f"{sql} ORDER BY n")
    else:
        rows = store.select(f"{sql} AND n IN (SELECT value FROM json_each(?)) ORDER BY n", json.dumps([*asked]))
    for n, packed in rows:
        yield n, [event for event in unpack_events(packed) if wanted(event)]
