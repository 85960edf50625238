"""Stopping rules for a share: each says after `k` successes in `n` trials whether to go on. Pure; knows of no campaign.

A fixed number of trials that is looked at over and over, and ended when the figure pleases, promises nothing.
These rules may be asked after every trial, and what they promise holds all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Protocol, runtime_checkable

from scipy.optimize import brentq
from scipy.special import betaln, xlog1py, xlogy

__all__ = [
    "Decision",
    "Exceeds",
    "Precise",
    "Progress",
    "Rule",
    "Sprt",
    "confidence_sequence",
    "first_decision",
]
PRIOR = 0.5  # Beta(1/2, 1/2), which is sharpest where shares that matter lie: near 0 and 1
CONFIDENCE = 0.95


class Decision(Enum):
    """What a stopping rule makes of the trials so far."""

    UNDECIDED = "undecided"
    ABOVE = "above"  # the share is as high as was hoped for
    BELOW = "below"  # it is not
    PRECISE = "precise"  # it is known well enough, whatever it is


@runtime_checkable
class Rule(Protocol):
    """A stopping rule that is declared before the first trial. Frozen plain data."""

    def decide(self, k: int, n: int) -> Decision:
        """What is known after `k` successes in `n` trials, provided that it was not decided before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprt:
    """Wald's sequential probability ratio test of a share: at most `p0`, or at least `p1`?

    It says ABOVE with a probability of at most `alpha` where the share is p0 or less, and BELOW with at most
    `beta` where it is p1 or more, however often it is asked. In between it says either.

    A. Wald, "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16 (1945), 117-186.
    The likelihood ratio is compared with 1/alpha and beta. Wald's (1-beta)/alpha and beta/(1-alpha) need a few
    trials less, but the rates that they keep are alpha/(1-beta) and beta/(1-alpha).
    """

    p0: float
    p1: float
    alpha: float = 0.05
    beta: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.p0 < self.p1 < 1:
            raise ValueError(f"p0={self.p0} and p1={self.p1} must be shares with 0 < p0 < p1 < 1")
        if not (0 < self.alpha < 1 and 0 < self.beta < 1 and self.alpha + self.beta < 1):
            raise ValueError(f"alpha={self.alpha} and beta={self.beta} must be error rates above 0, together below 1")

    def decide(self, k: int, n: int) -> Decision:
        ratio = k * math.log(self.p1 / self.p0) + (n - k) * math.log((1 - self.p1) / (1 - self.p0))
        if ratio >= -math.log(self.alpha):
            return Decision.ABOVE
        return Decision.BELOW if ratio <= math.log(self.beta) else Decision.UNDECIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeds:
    """Goes on until the confidence sequence lies on one side of `share`: it is above it, or below.

    The answer is wrong with a probability of at most 1 - `confidence`. It has no indifference zone: the closer the
    true share is to `share`, the longer it takes, without bound.
    """

    share: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        refuse_unless_fraction("share", self.share)
        refuse_unless_fraction("confidence", self.confidence)

    def decide(self, k: int, n: int) -> Decision:
        if evidence_against(self.share, k, n) < -math.log1p(-self.confidence):
            return Decision.UNDECIDED
        return Decision.ABOVE if k > self.share * n else Decision.BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Precise:
    """Goes on until the confidence sequence is at most `width` wide (a fraction of 1)."""

    width: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        refuse_unless_fraction("width", self.width)
        refuse_unless_fraction("confidence", self.confidence)

    def decide(self, k: int, n: int) -> Decision:
        low, high = confidence_sequence(k, n, self.confidence)
        return Decision.PRECISE if high - low <= self.width else Decision.UNDECIDED


def refuse_unless_fraction(name: str, value: float) -> None:
    """Raises: ValueError unless 0 < value < 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name}={value} must lie between 0 and 1")


def confidence_sequence(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """An interval for a share that holds at all n at once: fractions of 1, (0, 1) where n = 0.

    With probability `confidence` the true share lies in the intervals of every n; one that looks after each trial
    and stops when it likes is covered, too. The price is width: 1.5 to 2 times that of Clopper-Pearson's.

    The beta-binomial mixture: H. Robbins, "Statistical methods related to the law of the iterated logarithm",
    Annals of Mathematical Statistics 41 (1970), 1397-1409; S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon,
    "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), 1055-1080.

    Raises: ValueError unless 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share")
    if not n:
        return 0.0, 1.0
    limit = -math.log1p(-confidence)
    low = float(brentq(lambda p: evidence_against(p, k, n) - limit, 1e-300, k / n)) if k else 0.0
    high = 1 - float(brentq(lambda q: evidence_against(q, n - k, n) - limit, 1e-300, 1 - k / n)) if k < n else 1.0
    return low, high


def evidence_against(share: float, k: int, n: int) -> float:
    """The logarithm of the mixture's likelihood over that of `share`.

    If `share` is the true one, its exponential is a martingale that begins at 1 and ever reaches 1/a with a
    probability of at most a (Ville's inequality).
    """
    mixture = betaln(k + PRIOR, n - k + PRIOR) - betaln(PRIOR, PRIOR)
    return float(mixture - xlogy(k, share) - xlog1py(n - k, -share))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rule has come: `k` successes in `n` trials that were evidence, and what it made of them."""

    k: int = 0
    n: int = 0
    decision: Decision = Decision.UNDECIDED

    def after(self, rule: Rule, success: bool | None) -> Progress:
        """The next trial taken in; None is no evidence either way. A decision stands, whatever follows."""
        if success is None or self.decision is not Decision.UNDECIDED:
            return self
        k, n = self.k + success, self.n + 1
        return Progress(k, n, rule.decide(k, n))


def first_decision(rule: Rule, successes: Iterable[bool | None]) -> Progress:
    """The first decision over trials in the order of their list; UNDECIDED if it does not come to one.

    Never give trials in the order in which they ended: failures take longer or shorter than successes, so that
    the first to end are not a fair sample.
    """
    progress = Progress()
    for success in successes:
        progress = progress.after(rule, success)
        if progress.decision is not Decision.UNDECIDED:
            break
    return progress


@dataclass(frozen=True, slots=True)
class Operating:
    """What a rule does at one true share: the probability of each ending, and the trials it takes on average."""

    above: float
    below: float
    precise: float
    undecided: float  # still so after the last trial
    expected_n: float


def operating(rule: Rule, share: float, at_most: int) -> Operating:
    """What `rule` does where the true share is `share` and no more than `at_most` trials are run.

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
    """Each path one trial on: successes and probability."""
    for k, probability in live.items():
        yield k, probability * (1 - share)
        yield k + 1, probability * share


@cache
def trials_if_all_succeed(rule: Rule, at_most: int = 1_000_000) -> int | None:
    """How many successes in a row bring a decision: the least that a campaign can need; None if `at_most` do not.

    Found by bisection: what decides after n successes decides after n + 1.
    """
    if rule.decide(at_most, at_most) is Decision.UNDECIDED:
        return None
    low, high = 0, at_most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if rule.decide(middle, middle) is Decision.UNDECIDED else (low, middle)
    return high
