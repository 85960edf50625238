"""Rules about the share of trials that ended well or badly: `recovered >= 99 %`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from faultkit.gate.answers import Ruling
from faultkit.gate.clauses import Clauses, crash_signatures, nothing, percent, too_few
from faultkit.gate.facts import Facts, Seen
from faultkit.gate.question import ANSWERS, Question
from faultkit.model.events import Outcome
from faultkit.statistics.sequential import Decision
from faultkit.verdict.outcomes import SURVIVED

ACTIVATED = "activated trials"


@dataclass(frozen=True, slots=True)
class Measure:
    """A share: its denominator (`among`) and its numerator (`counts`)."""

    of: str  # the trials that are the denominator, for people
    among: Callable[[Seen], bool]
    counts: Callable[[Seen], bool]


def flag(name: str) -> Measure:
    """The share of activated trials with a flag."""
    return Measure(ACTIVATED, lambda t: t.activated, lambda t: name in t.flags)


MEASURES: Mapping[str, Measure] = {
    "survived": Measure(ACTIVATED, lambda t: t.activated, lambda t: t.outcome in SURVIVED),
    "recovered": Measure("trials with an error", lambda t: t.manifested, lambda t: t.outcome is Outcome.RECOVERED),
    "detected": Measure("trials with an error", lambda t: t.manifested, lambda t: t.detected),
    "activated": Measure("injected faults", lambda t: t.activated or "injected" in t.flags, lambda t: t.activated),
    "manifested": Measure(ACTIVATED, lambda t: t.activated, lambda t: t.manifested),
    "leaked": flag("leaked"),
    "warned": flag("warned"),
    "udriver_died": flag("udriver_died"),
    "kdriver_reloaded": flag("kdriver_reloaded"),
}


def measure_of(subject: tuple[str, ...]) -> Measure:
    """The measure of a rule's subject: one of MEASURES, or outcomes among activated trials."""
    if subject[0] in MEASURES:
        return MEASURES[subject[0]]
    return Measure(ACTIVATED, lambda t: t.activated, lambda t: t.outcome.name in subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of trials is at least, or at most, `limit`; decided by exact one-sided confidence bounds.

    It passes if the bound on the bad side keeps the limit, and fails if the bound on the good side breaks it. With
    `against` it is Wald's sequential test between the two shares, trial by trial in the order of the list.
    """

    subject: tuple[str, ...]  # a key of MEASURES, or outcomes
    at_least: bool
    limit: float  # a fraction of 1
    against: float | None = None  # the share that would be bad
    clauses: Clauses = field(default_factory=Clauses)

    def __str__(self) -> str:
        against = "" if self.against is None else f" against {percent(self.against)}"
        sign = ">=" if self.at_least else "<="
        return f"{', '.join(self.subject)} {sign} {percent(self.limit)}{against}{self.clauses}"

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer. For a share that must be low, the trials outside the numerator are the successes."""
        measure = measure_of(self.subject)
        among = [trial for trial in facts.faulty(self.clauses.selects) if measure.among(trial)]
        if not among:
            return nothing(measure.of, self.clauses.missing(facts))
        if len(among) < (self.clauses.trials or 0):
            return too_few(measure.of, len(among), self.clauses.trials or 0)
        bad = [trial for trial in among if measure.counts(trial) is not self.at_least]
        successes = [measure.counts(trial) is self.at_least for trial in among]
        return replace(self.ruling(successes, measure.of, facts.watched), crashes=crash_signatures(bad))

    def ruling(self, successes: list[bool], of: str, watched: bool) -> Ruling:
        """The rule's answer for trials in the order of the list."""
        question, k, n = self.question(watched), sum(successes), len(successes)
        decision, bounds = question.decision(successes), question.bounds(k, n)
        hits, (low, high) = (k, bounds) if self.at_least else (n - k, (1 - bounds[1], 1 - bounds[0]))
        open_ = decision is Decision.UNDECIDED
        return Ruling(
            answer=ANSWERS[decision],
            measured=f"{hits}/{n} {of}, {100 * hits / n:.1f} % [{100 * low:.2f}, {100 * high:.2f}]",
            reason=question.outlook(k, n) if open_ else self.why(decision is Decision.ABOVE, low, high),
            figures={
                **{"k": hits, "n": n, "limit": self.limit, "low": low, "high": high},
                **(question.missing(k, n) if open_ else {}),
            },
        )

    def question(self, watched: bool) -> Question:
        """The rule as a lower bound on a success rate."""
        good, bad = self.limit, self.against
        if not self.at_least:
            good, bad = 1 - good, None if bad is None else 1 - bad
        return Question(share=good, against=bad, confidence=self.clauses.level, watched=watched)

    def why(self, met: bool, low: float, high: float) -> str:
        """The reason for a decision, in words."""
        if self.against is not None:
            return f"the sequential test decides for {percent(self.limit if met else self.against)}"
        sure, limit = f"(one-sided, {percent(self.clauses.level)})", percent(self.limit)
        if self.at_least is met:
            return f"the lower bound {100 * low:.2f} % {sure} is {'not below' if met else 'above'} {limit}"
        return f"the upper bound {100 * high:.2f} % {sure} is {'not above' if met else 'below'} {limit}"
