"""Operating characteristics of stopping rules, exactly: what the rules promise is held against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from faultkit.statistics.sequential import Decision, StoppingRule


@dataclass(frozen=True, slots=True)
class Operating:
    """The operation of a rule at one true share: the probability of each ending, and the mean number of trials."""

    above: float
    below: float
    precise: float
    undecided: float  # still so after the last trial
    expected_n: float


def operating(rule: StoppingRule, share: float, at_most: int) -> Operating:
    """The operation of `rule` where the true share is `share` and no more than `at_most` trials are run.

    Exact, by recursion over the number of successes among the paths that are undecided yet.
    """
    ended = dict.fromkeys(Decision, 0.0)
    live, expected = {0: 1.0}, 0.0
    for n in range(1, at_most + 1):
        expected += sum(live.values())
        following: dict[int, float] = {}
        for k, probability in stepped(live, share):
            following[k] = following.get(k, 0.0) + probability
        live = {}
        for k, probability in following.items():
            decision = rule.decide(k, n)
            if decision is Decision.UNDECIDED:
                live[k] = probability
            else:
                ended[decision] += probability
    above, below, precise = (ended[d] for d in (Decision.ABOVE, Decision.BELOW, Decision.PRECISE))
    return Operating(above, below, precise, sum(live.values()), expected)


def stepped(live: dict[int, float], share: float) -> Iterator[tuple[int, float]]:
    """The paths after one more trial: successes and probability of each."""
    for k, probability in live.items():
        yield k, probability * (1 - share)
        yield k + 1, probability * share
