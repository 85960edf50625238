"""The question "is a share high enough?": tests of a count against a limit, and the trials still missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faultkit.gate.answers import Answer
from faultkit.statistics.rates import clopper_pearson
from faultkit.statistics.sequential import Decision, Exceeds, Sprt, StoppingRule, confidence_sequence, first_decision

FAR = 1_000_000  # no campaign has more trials
ANSWERS = {
    Decision.ABOVE: Answer.PASS,
    Decision.BELOW: Answer.FAIL,
    Decision.UNDECIDED: Answer.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class FixedSize:
    """The test "is the share at least `share`?" for a fixed number of trials, by exact (Clopper-Pearson) bounds.

    ABOVE if the lower bound is not below `share`, BELOW if the upper bound is below it: each is wrong with a
    probability of at most 1 - `confidence`. A one-sided bound at 95 % is an end of the two-sided interval at 90 %.
    """

    share: float
    confidence: float

    def decide(self, k: int, n: int) -> Decision:
        low, high = one_sided(k, n, self.confidence)
        if low >= self.share:
            return Decision.ABOVE
        return Decision.BELOW if high < self.share else Decision.UNDECIDED


def one_sided(k: int, n: int, confidence: float) -> tuple[float, float]:
    """The exact lower and the exact upper bound of a share, each of which holds with `confidence` by itself."""
    return clopper_pearson(k, n, 2 * confidence - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The question "is the share of successes at least `share`?"; `against` is a share that would be bad."""

    share: float
    confidence: float
    against: float | None = None  # with it: Wald's sequential test
    watched: bool = False  # the campaign was to stop once decided

    @property
    def test(self) -> StoppingRule:
        """The test that is valid for the way in which the trials were run."""
        if self.against is not None:
            error = 1 - self.confidence
            return Sprt(p0=self.against, p1=self.share, alpha=error, beta=error)
        if self.watched:
            return Exceeds(share=self.share, confidence=self.confidence)
        return FixedSize(self.share, self.confidence)

    def decision(self, successes: Sequence[bool]) -> Decision:
        """The decision for trials in the order of the list; a sequential test's first decision stands."""
        if isinstance(self.test, FixedSize):
            return self.test.decide(sum(successes), len(successes))
        return first_decision(self.test, successes).decision

    def bounds(self, k: int, n: int) -> tuple[float, float]:
        """The lower and the upper confidence bound of the share."""
        return confidence_sequence(k, n, self.confidence) if self.watched else one_sided(k, n, self.confidence)

    def more_if_all_succeed(self, k: int, n: int) -> int | None:
        """The number of further successes in a row that would pass; None if it exceeds FAR."""
        return smallest(lambda more: self.test.decide(k + more, n + more) is Decision.ABOVE)

    def more_at_this_rate(self, k: int, n: int) -> tuple[int, Decision] | None:
        """The approximate number of further trials that decide at the present share, and the decision, or None."""

        def decision(more: int) -> Decision:
            return self.test.decide(round(k / n * (n + more)), n + more)

        found = smallest(lambda more: decision(more) is not Decision.UNDECIDED) if n else None
        return (found, decision(found)) if found else None

    def outlook(self, k: int, n: int) -> str:
        """The trials that would decide, in words."""
        best, same = self.more_if_all_succeed(k, n), self.more_at_this_rate(k, n)
        words = f"{best} more would pass if all went well" if best else "it would take more than a million to pass"
        if same is None:
            return f"{words}; at the present rate it stays open"
        outcome = "pass" if same[1] is Decision.ABOVE else "fail"
        return f"{words}; at the present rate about {same[0]} more would {outcome}"

    def missing(self, k: int, n: int) -> dict[str, int | None]:
        """The trials that would decide, for scripts."""
        same = self.more_at_this_rate(k, n)
        return {
            "more_if_all_succeed": self.more_if_all_succeed(k, n),
            "more_at_this_rate": same[0] if same else None,
        }


def smallest(decided: Callable[[int], bool]) -> int | None:
    """The smallest number from 1 to FAR for which the monotonic `decided` holds; None if there is none."""
    high = 1
    while not decided(high):
        high *= 2
        if high > FAR:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
