"""Each interval and test against an implementation by others, over a grid that includes none and all."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, boschloo_exact
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from faultkit.statistics.differences import fisher, mcnemar, newcombe, tango
from faultkit.statistics.rates import clopper_pearson, quantile
from faultkit.statistics.sequential import Sprt, first_decision

SIZES = (1, 2, 3, 7, 20, 59, 299, 1000)
COUNTS = [(k, n) for n in SIZES for k in sorted({0, 1, n // 3, n // 2, n - 1, n})]
CONFIDENCES = (0.8, 0.9, 0.95, 0.99)
PAIRS = [(b, c, n) for n in (1, 5, 30, 400) for b in (0, 1, n // 4) for c in (0, 1, n // 3) if b + c <= n]


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_exact_intervals_of_one_share(confidence: float) -> None:
    for k, n in COUNTS:
        ours = clopper_pearson(k, n, confidence)
        assert ours == pytest.approx(proportion_confint(k, n, 1 - confidence, method="beta"), abs=1e-9), (k, n)
        theirs = binomtest(k, n).proportion_ci(confidence, method="exact")
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-6), (k, n)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_intervals_of_the_difference_of_two_samples(confidence: float) -> None:
    """statsmodels leaves an end beyond -1 or 1 where it is."""
    for (k1, n1), (k2, n2) in product(COUNTS[::2], COUNTS[1::3]):
        low, high = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff", alpha=1 - confidence)
        assert newcombe(k1, n1, k2, n2, confidence) == pytest.approx((max(low, -1), min(high, 1)), abs=1e-9)


def test_tests_of_pairs() -> None:
    for b, c, n in PAIRS:
        table = np.array([[n - b - c, b], [c, 0]])
        assert mcnemar(b, c) == pytest.approx(min(1.0, float(their_mcnemar(table, exact=True).pvalue)), abs=1e-12)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_score_intervals_of_pairs_invert_the_constrained_likelihood(confidence: float) -> None:
    """The likeliest shares under a difference, found on a grid and not by a formula, give the same ends."""
    for b, c, n in PAIRS:
        for end, beyond in zip(tango(b, c, n, confidence), (-1, 1), strict=True):
            if abs(end) < 1 - 1e-6:
                z = quantile_of_normal((1 + confidence) / 2)
                assert score_by_search(b, c, n, end) == pytest.approx(-beyond * z, abs=2e-3), (b, c, n)


def quantile_of_normal(p: float) -> float:
    """By bisection of the error function."""
    low, high = -10.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 + math.erf(middle / math.sqrt(2))) / 2 < p else (low, middle)
    return low


def score_by_search(b: int, c: int, n: int, difference: float) -> float:
    """Standard errors between what was seen and a true difference, with the variance at the likeliest share."""
    second = np.linspace(max(0, -difference), min(1, (1 - difference) / 2), 400_001)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = sum(
            np.where(count > 0, count * np.log(share), 0.0)
            for count, share in ((b, second + difference), (c, second), (n - b - c, 1 - 2 * second - difference))
        )
    best = second[np.nanargmax(np.where(np.isfinite(log), log, -np.inf))]
    variance = (2 * best + difference - difference**2) / n
    return float(((b - c) / n - difference) / math.sqrt(variance))


def test_fishers_test_is_no_more_powerful_than_boschloos() -> None:
    """Boschloo's orders tables by Fisher's p-value, and his p-value is uniformly the smaller one."""
    for (k1, n1), (k2, n2) in product([(0, 7), (2, 7), (7, 7)], [(0, 9), (4, 9), (9, 9)]):
        table = [[k1, n1 - k1], [k2, n2 - k2]]
        if 0 < k1 + k2 < n1 + n2:
            assert fisher(k1, n1, k2, n2) >= boschloo_exact(table).pvalue - 1e-6


@pytest.mark.parametrize("q", [0.0, 0.5, 0.95, 1.0])
def test_quantiles(q: float) -> None:
    values = [float(x) for x in np.random.default_rng(7).integers(0, 1000, 57)]
    assert quantile(values, q) == pytest.approx(float(np.quantile(values, q)))


@pytest.mark.parametrize(("share", "wrong"), [(0.99, "below"), (0.90, "above")])
def test_a_sequential_test_errs_as_seldom_as_promised_when_trials_are_drawn(share: float, wrong: str) -> None:
    """Two thousand campaigns, each with its own draws."""
    rule, rng = Sprt(p0=0.90, p1=0.99), np.random.default_rng(11)
    ends = [first_decision(rule, (bool(x) for x in rng.random(600) < share)).decision.name.lower() for _ in range(2000)]
    errors = sum(wrong in end for end in ends)
    promised = max(rule.alpha, rule.beta)
    assert binomtest(errors, len(ends), promised, alternative="greater").pvalue > 1e-4, errors
    assert sum(end in ("above", "below") for end in ends) > 0.99 * len(ends), set(ends)
