"""Rules about a quantile of a time: `p95 recovery <= 2 s`."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.special import bdtr

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.clauses import Clauses, nothing, percent, too_few
from faultkit.gate.facts import Facts, Seen
from faultkit.gate.question import ANSWERS, Question
from faultkit.statistics.sequential import Decision
from faultkit.verdict.outcomes import DOWN

UNITS_NS: Mapping[str, int] = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9}


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured interval: the trials that have it, and those in which it is infinite."""

    of: str  # the trials, for people
    among: Callable[[Seen], bool]
    endless: Callable[[Seen], bool] = lambda _trial: False


INTERVALS: Mapping[str, Interval] = {
    "recovery": Interval("detected or lasting errors", lambda t: t.manifested and (t.detected or t.outcome in DOWN)),
    "detection": Interval("trials with an error", lambda t: t.manifested),
    "outage": Interval("activated trials", lambda t: t.activated, lambda t: t.outcome in DOWN),
}


def took(name: str, trial: Seen) -> float:
    """The length of an interval in a trial, in virtual nanoseconds; infinite if it never ended."""
    time = trial.times[name]
    return math.inf if time is None or INTERVALS[name].endless(trial) else float(time)


def upper_bound(times: Sequence[float], q: float, confidence: float) -> float:
    """A value that the q-quantile does not exceed, with `confidence`, whatever the distribution; inf if too few.

    The r-th smallest, with the smallest r for which Binomial(n, q) < r has that probability. It is not above a
    limit exactly if the one-sided lower bound of the share of times within the limit is not below q.
    H. A. David and H. N. Nagaraja, "Order Statistics", 3rd edition (2003), section 7.1.
    """
    n = len(times)
    rank = 1 + bisect_left(range(n), confidence, key=lambda r: float(bdtr(r, n, q)))
    return sorted(times)[rank - 1] if rank <= n else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A quantile of a time is at most `limit_ns`; distribution-free, by the share of trials within the limit."""

    interval: str  # a key of INTERVALS
    share: float  # 0.95 for p95
    limit_ns: int
    clauses: Clauses = field(default_factory=Clauses)

    def __str__(self) -> str:
        return f"p{100 * self.share:.10g} {self.interval} <= {duration(self.limit_ns)}{self.clauses}"

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer."""
        interval = INTERVALS[self.interval]
        among = [trial for trial in facts.faulty(self.clauses.selects) if interval.among(trial)]
        if not among:
            return nothing(interval.of, self.clauses.missing(facts))
        if len(among) < (self.clauses.trials or 0):
            return too_few(interval.of, len(among), self.clauses.trials or 0)
        return self.ruling([took(self.interval, trial) for trial in among], interval.of, facts.watched)

    def ruling(self, times: list[float], of: str, watched: bool) -> Ruling:
        """The rule's answer for times in the order of the list."""
        question = Question(share=self.share, confidence=self.clauses.level, watched=watched)
        successes = [time <= self.limit_ns for time in times]
        decision, k, n = question.decision(successes), sum(successes), len(successes)
        estimate, bound = nearest_rank(times, self.share), upper_bound(times, self.share, self.clauses.level)
        limit = duration(self.limit_ns)
        reasons = {
            Answer.PASS: f"it does not exceed {limit}, with {percent(self.clauses.level)} confidence",
            Answer.FAIL: f"it exceeds {limit}, with {percent(self.clauses.level)} confidence",
            Answer.INCONCLUSIVE: question.outlook(k, n) if decision is Decision.UNDECIDED else "",
        }
        return Ruling(
            answer=ANSWERS[decision],
            measured=f"{k}/{n} {of} within {limit}; p{100 * self.share:.10g} is {duration(estimate, 4)}",
            reason=reasons[ANSWERS[decision]],
            figures={
                **{"k": k, "n": n, "limit_ns": self.limit_ns, "estimate_ns": finite(estimate)},
                "upper_bound_ns": None if watched else finite(bound),
                **(question.missing(k, n) if decision is Decision.UNDECIDED else {}),
            },
        )


def nearest_rank(times: Sequence[float], q: float) -> float:
    """The smallest time that a share q of all times does not exceed; no interpolation, as one may be infinite."""
    return sorted(times)[max(1, math.ceil(q * len(times) - 1e-9)) - 1]


def finite(ns: float) -> float | None:
    """None for a time without an end: JSON knows no infinity."""
    return ns if math.isfinite(ns) else None


def duration(ns: float, digits: int = 12) -> str:
    """A time as text, `250 ms`, in the largest unit that gives at least 1."""
    if not math.isfinite(ns):
        return "never"
    unit = next((name for name in ("s", "ms", "us") if ns >= UNITS_NS[name]), "ns")
    return f"{ns / UNITS_NS[unit]:.{digits}g} {unit}"
