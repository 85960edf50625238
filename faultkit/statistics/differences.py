"""How two shares differ: exact tests, and intervals of the difference; of pairs, and of independent trials.

A difference is that of the first share less the second, as a fraction of 1. Nothing here knows of trials.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import binomtest, fisher_exact

from faultkit.statistics.rates import CONFIDENCE

EDGE = 1e-12  # differences of exactly -1 and 1 leave nothing to estimate


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of McNemar's exact test: do the two shares of pairs differ?

    Only discordant pairs tell: under the hypothesis each kind is as likely as the other, so that it is a binomial
    test of one half. Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12 (1947), 153-157.
    """
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def tango(only_first: int, only_second: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of the difference of two shares of the same `n` pairs; (-1, 1) where n = 0.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17 (1998), 891-908. It is asymptotic, and holds its promise also with few pairs,
    and with none that is discordant. Raises: ValueError unless the counts fit.
    """
    if only_first < 0 or only_second < 0 or only_first + only_second > n:
        raise ValueError(f"{only_first} and {only_second} of {n} are no discordant pairs")
    if not n:
        return -1.0, 1.0
    z, estimate = float(ndtri((1 + confidence) / 2)), (only_first - only_second) / n

    def beyond(difference: float, limit: float) -> float:
        return tango_score(only_first, only_second, n, difference) - limit

    low = -1.0 if estimate - EDGE <= -1 else float(brentq(beyond, EDGE - 1, estimate, args=(z,)))
    high = 1.0 if estimate + EDGE >= 1 else float(brentq(beyond, estimate, 1 - EDGE, args=(-z,)))
    return low, high


def tango_score(only_first: int, only_second: int, n: int, difference: float) -> float:
    """How many standard errors what was seen lies above `difference`, if that were the true one."""
    linear = -only_first - only_second + (2 * n - only_first + only_second) * difference
    constant = -only_second * difference * (1 - difference)
    second = (math.sqrt(linear * linear - 8 * n * constant) - linear) / (4 * n)  # the likeliest share of its cell
    variance = n * (2 * second + difference * (1 - difference))
    above = only_first - only_second - n * difference
    return above / math.sqrt(variance) if variance > 0 else 0.0 if above == 0 else math.copysign(math.inf, above)


def fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    """The two-sided p-value of Fisher's exact test of two independent shares. It errs on the side of no difference."""
    return float(fisher_exact(np.array([[k1, n1 - k1], [k2, n2 - k2]])).pvalue)


def newcombe(k1: int, n1: int, k2: int, n2: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the difference of two independent shares, from the score interval of each; (-1, 1) of none.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison
    of eleven methods", Statistics in Medicine 17 (1998), 873-890.
    """
    if not (n1 and n2):
        return -1.0, 1.0
    p1, p2 = k1 / n1, k2 / n2
    one, two = (binomtest(k, n).proportion_ci(confidence, method="wilson") for k, n in ((k1, n1), (k2, n2)))
    low = p1 - p2 - math.hypot(p1 - one.low, two.high - p2)
    high = p1 - p2 + math.hypot(one.high - p1, p2 - two.low)
    return max(low, -1.0), min(high, 1.0)
