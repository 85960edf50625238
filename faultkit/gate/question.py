"""Is a share high enough? How a count is tested against a limit, and how many more trials would tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faultkit.gate.answers import Answer
from faultkit.statistics.sequential import Decision, Exceeds, Rule, Sprt, confidence_sequence, first_decision
from faultkit.statistics.stats import clopper_pearson

FAR = 1_000_000  # trials: further than this nobody goes
ANSWERS = {
    Decision.ABOVE: Answer.PASS,
    Decision.BELOW: Answer.FAIL,
    Decision.UNDECIDED: Answer.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class FixedSize:
    """Is a share at least `share`? By the exact (Clopper-Pearson) one-sided bounds, for a number of trials set before.

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
    """Is the share of successes at least `share`, whereas `against` would be bad?"""

    share: float
    confidence: float
    against: float | None = None  # with it: Wald's sequential test
    watched: bool = False  # the trials were looked at one by one, and ended when decided

    @property
    def test(self) -> Rule:
        """The test that holds for how the trials were run."""
        if self.against is not None:
            error = 1 - self.confidence
            return Sprt(p0=self.against, p1=self.share, alpha=error, beta=error)
        if self.watched:
            return Exceeds(share=self.share, confidence=self.confidence)
        return FixedSize(self.share, self.confidence)

    def decision(self, successes: Sequence[bool]) -> Decision:
        """The answer for trials in the order of the list: a sequential test's first one, which stands."""
        if isinstance(self.test, FixedSize):
            return self.test.decide(sum(successes), len(successes))
        return first_decision(self.test, successes).decision

    def bounds(self, k: int, n: int) -> tuple[float, float]:
        """The lower and the upper confidence bound of the share."""
        return confidence_sequence(k, n, self.confidence) if self.watched else one_sided(k, n, self.confidence)

    def more_if_all_succeed(self, k: int, n: int) -> int | None:
        """How many successes in a row would bring a pass; None: more than anybody runs."""
        return smallest(lambda more: self.test.decide(k + more, n + more) is Decision.ABOVE)

    def more_at_this_rate(self, k: int, n: int) -> tuple[int, Decision] | None:
        """About how many more would decide if the share stays as it is, and how; None: it would stay open."""

        def decision(more: int) -> Decision:
            return self.test.decide(round(k / n * (n + more)), n + more)

        found = smallest(lambda more: decision(more) is not Decision.UNDECIDED) if n else None
        return (found, decision(found)) if found else None

    def outlook(self, k: int, n: int) -> str:
        """What would decide, in words."""
        best, same = self.more_if_all_succeed(k, n), self.more_at_this_rate(k, n)
        words = f"{best} more would pass if all went well" if best else "it would take more than a million to pass"
        if same is None:
            return f"{words}; at the present rate it stays open"
        outcome = "pass" if same[1] is Decision.ABOVE else "fail"
        return f"{words}; at the present rate about {same[0]} more would {outcome}"

    def missing(self, k: int, n: int) -> dict[str, int | None]:
        """What would decide, for scripts."""
        same = self.more_at_this_rate(k, n)
        return {
            "more_if_all_succeed": self.more_if_all_succeed(k, n),
            "more_at_this_rate": same[0] if same else None,
        }


def smallest(decided: Callable[[int], bool]) -> int | None:
    """The smallest number from 1 on for which `decided` holds, which then holds for larger ones; None: too far."""
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
