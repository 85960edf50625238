"""Stopping rules for a share: each decides, after `k` successes in `n` trials, to go on or to stop. Pure numbers.

A campaign that is ended as soon as its figure pleases keeps no error rate. These rules may be asked after every
trial, and keep their error rates all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from scipy.optimize import brentq
from scipy.special import betaln, xlog1py, xlogy

__all__ = [
    "Decision",
    "Exceeds",
    "Precise",
    "Sprt",
    "StoppingRule",
    "Tally",
    "confidence_sequence",
    "first_decision",
]
PRIOR = 0.5  # Beta(1/2, 1/2), which is sharpest for shares near 0 and 1
CONFIDENCE = 0.95


class Decision(Enum):
    """The decision of a stopping rule after the trials so far."""

    UNDECIDED = "undecided"
    ABOVE = "above"  # the share is as high as required
    BELOW = "below"  # it is lower
    PRECISE = "precise"  # it is known with the required precision


@runtime_checkable
class StoppingRule(Protocol):
    """A stopping rule that is declared before the first trial. Frozen plain data."""

    def decide(self, k: int, n: int) -> Decision:
        """The decision after `k` successes in `n` trials, if there was none before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprt:
    """Wald's sequential probability ratio test of a share, between "at most `p0`" and "at least `p1`".

    If the share is p0 or less, it decides ABOVE with a probability of at most `alpha`. If it is p1 or more, it
    decides BELOW with a probability of at most `beta`. Both hold however often it is asked. For shares in between it
    may decide either. Shares and probabilities are fractions of 1. Raises: ValueError for numbers that are none.

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
    """Decides once the confidence sequence lies on one side of `share`, a fraction of 1.

    The answer is wrong with a probability of at most 1 - `confidence`. It has no indifference zone: the closer the
    true share is to `share`, the longer it takes, without bound. Raises: ValueError for numbers that are no fractions.
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
    """Decides once the confidence sequence is at most `width` wide (a fraction of 1).

    Raises: ValueError for numbers that are no fractions.
    """

    width: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        refuse_unless_fraction("width", self.width)
        refuse_unless_fraction("confidence", self.confidence)

    def decide(self, k: int, n: int) -> Decision:
        low, high = confidence_sequence(k, n, self.confidence)
        return Decision.PRECISE if high - low <= self.width else Decision.UNDECIDED


def refuse_unless_fraction(name: str, value: float) -> None:
    """Refuse a value outside of (0, 1). Raises: ValueError."""
    if not 0 < value < 1:
        raise ValueError(f"{name}={value} must lie between 0 and 1")


def confidence_sequence(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """An interval for a share that holds at all n at once: fractions of 1, (0, 1) where n = 0.

    With probability `confidence` the true share lies in the intervals of every n, so a reader may look after each
    trial and stop at will. The price is width: 1.5 to 2 times that of Clopper-Pearson's.

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

    If `share` is the true one, the exponential of this is a martingale that begins at 1. With a probability of at most
    a it ever reaches 1/a (Ville's inequality).
    """
    mixture = betaln(k + PRIOR, n - k + PRIOR) - betaln(PRIOR, PRIOR)
    return float(mixture - xlogy(k, share) - xlog1py(n - k, -share))


@dataclass(frozen=True, slots=True)
class Tally:
    """A rule's count so far: `k` successes in `n` trials that were evidence, and the decision."""

    k: int = 0
    n: int = 0
    decision: Decision = Decision.UNDECIDED

    def after(self, rule: StoppingRule, success: bool | None) -> Tally:
        """The tally after one more trial; a success of None is no evidence. A decision stands, whatever follows."""
        if success is None or self.decision is not Decision.UNDECIDED:
            return self
        k, n = self.k + success, self.n + 1
        return Tally(k, n, rule.decide(k, n))


def first_decision(rule: StoppingRule, successes: Iterable[bool | None]) -> Tally:
    """The tally at the first decision over trials in the order of their list; UNDECIDED if there is none.

    Never give trials in the order in which they ended: failures take longer or shorter than successes, so the first
    to end are no fair sample.
    """
    tally = Tally()
    for success in successes:
        tally = tally.after(rule, success)
        if tally.decision is not Decision.UNDECIDED:
            break
    return tally
