"""Exact intervals and quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from faultkit.statistics.rates import clopper_pearson, quantile, rate

COUNTS = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_the_share_lies_in_its_interval(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = clopper_pearson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


@given(COUNTS)
def test_the_ends_are_where_each_tail_holds_a_fortieth(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = clopper_pearson(k, n)
    assert low == 0 if k == 0 else binom.sf(k - 1, n, low) == pytest.approx(0.025, rel=1e-6)
    assert high == 1 if k == n else binom.cdf(k, n, high) == pytest.approx(0.025, rel=1e-6)


@given(COUNTS)
def test_failures_and_successes_mirror_each_other(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = clopper_pearson(k, n)
    assert clopper_pearson(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(st.integers(1, 40), st.floats(0.001, 0.999))
def test_the_true_share_is_covered_at_least_as_often_as_promised(n: int, share: float) -> None:
    intervals = [clopper_pearson(k, n) for k in range(n + 1)]
    covered = sum(binom.pmf(k, n, share) for k, (low, high) in enumerate(intervals) if low <= share <= high)
    assert covered >= 0.95 - 1e-9


@given(COUNTS, st.floats(0.5, 0.94))
def test_less_confidence_is_narrower(counts: tuple[int, int], confidence: float) -> None:
    (low, high), (inner_low, inner_high) = clopper_pearson(*counts), clopper_pearson(*counts, confidence)
    assert low <= inner_low and inner_high <= high
    assert inner_high - inner_low < high - low


def test_no_failure_in_299_trials_shows_99_percent() -> None:
    assert clopper_pearson(0, 299, confidence=0.9)[1] < 0.01 < clopper_pearson(0, 298, confidence=0.9)[1]


def test_a_rate_is_written_with_its_counts_and_its_interval() -> None:
    assert str(rate(12, 40)) == "12/40 30.0 % [16.6, 46.5]"
    assert str(rate(394, 394)) == "394/394 100.0 % [99.1, 100.0]"


def test_nothing_counted_says_nothing() -> None:
    nothing = rate(0, 0)
    assert str(nothing) == "0/0 n/a [0.0, 100.0]"
    assert math.isnan(nothing.share)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (1, 0)])
def test_more_than_all_or_less_than_none_is_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        rate(k, n)


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[int], q: float) -> None:
    assert quantile(values, q) == pytest.approx(float(np.quantile(values, q)))


def test_no_values_have_no_quantile() -> None:
    assert math.isnan(quantile([], 0.5))
