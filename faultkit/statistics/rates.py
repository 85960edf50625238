"""Rates with exact intervals, and quantiles. Pure numbers: nothing here knows of trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betaincinv

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """`k` of `n`, with the exact interval of the true share; `low` and `high` are fractions of 1."""

    k: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """k/n as a fraction of 1; NaN if n = 0."""
        return self.k / self.n if self.n else math.nan

    @property
    def counts(self) -> str:
        """The counts as text: `12/40`."""
        return f"{self.k}/{self.n}"

    @property
    def percent(self) -> str:
        """The share as text: `30.0 %`, or `n/a` if n = 0."""
        return f"{100 * self.share:.1f} %" if self.n else "n/a"

    @property
    def interval(self) -> str:
        """The interval in percent as text: `[16.6, 46.5]`."""
        return f"[{100 * self.low:.1f}, {100 * self.high:.1f}]"

    def __str__(self) -> str:
        return f"{self.counts} {self.percent} {self.interval}"


def rate(k: int, n: int, confidence: float = CONFIDENCE) -> Rate:
    """`k` of `n` with its Clopper-Pearson interval. Raises: ValueError unless 0 <= k <= n."""
    low, high = clopper_pearson(k, n, confidence)
    return Rate(k, n, low, high)


def clopper_pearson(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact two-sided interval of a binomial share: fractions of 1, (0, 1) where n = 0.

    It covers the true share with a probability of at least `confidence`, for every n. Its ends are quantiles of beta
    distributions: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in
    the case of the binomial", Biometrika 26 (1934), 404-413.

    Raises: ValueError unless 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share")
    tail = (1 - confidence) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low, high


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile (0 <= q <= 1) of values in any order, linear between neighbours; NaN if there are none.

    Type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", American Statistician 50
    (1996), 361-365: the default of numpy and pandas. The result has the unit of the values.
    """
    if not values:
        return math.nan
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
