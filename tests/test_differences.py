"""Differences of shares: published figures, and what must hold for all counts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from faultkit.statistics.differences import fisher, mcnemar, newcombe, tango, tango_score

PAIRS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200)).map(lambda x: (x[0], x[1], sum(x)))
SAMPLE = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_mcnemars_test_of_the_airways_of_21_children() -> None:
    """M. W. Fagerland, S. Lydersen, P. Laake, Statistics in Medicine 33 (2014), 2850-2875: 1 and 7 discordant."""
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=1e-4)
    assert tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize(
    ("counts", "confidence", "interval"),
    [
        ((20, 60, 1000), 0.95, (-0.0584, -0.0231)),
        ((28, 25, 618), 0.90, (-0.0148, 0.0247)),
        ((48, 41, 549), 0.90, (-0.0157, 0.0414)),
    ],
)
def test_tangos_interval_is_that_of_propcis(
    counts: tuple[int, int, int], confidence: float, interval: tuple[float, float]
) -> None:
    """As R's PropCIs::scoreci.mp gives it."""
    assert tango(*counts, confidence) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombes_interval_is_that_of_his_table(counts: tuple[int, ...], interval: tuple[float, float]) -> None:
    assert newcombe(*counts) == pytest.approx(interval, abs=5e-5)  # type: ignore[arg-type]


def test_fishers_test_of_the_lady_who_tasted_tea() -> None:
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(4, 4, 0, 4) == pytest.approx(2 / 70)


@given(PAIRS)
def test_tangos_interval_holds_the_difference_and_its_ends_solve_the_score(counts: tuple[int, int, int]) -> None:
    b, c, n = counts
    low, high = tango(b, c, n)
    assert -1 <= low <= high <= 1
    if n:
        assert low <= (b - c) / n <= high
        for end, z in ((low, 1.959964), (high, -1.959964)):
            if abs(end) < 1:
                assert tango_score(b, c, n, end) == pytest.approx(z, abs=1e-4)


@given(PAIRS)
def test_the_other_way_round_is_the_mirror_image(counts: tuple[int, int, int]) -> None:
    b, c, n = counts
    low, high = tango(b, c, n)
    assert tango(c, b, n) == pytest.approx((-high, -low), abs=1e-9)
    assert mcnemar(c, b) == pytest.approx(mcnemar(b, c))


@given(SAMPLE, SAMPLE)
def test_independent_samples_the_other_way_round(one: tuple[int, int], two: tuple[int, int]) -> None:
    low, high = newcombe(*one, *two)
    assert -1 <= low <= one[0] / one[1] - two[0] / two[1] <= high <= 1
    assert newcombe(*two, *one) == pytest.approx((-high, -low))
    assert fisher(*two, *one) == pytest.approx(fisher(*one, *two))


@pytest.mark.parametrize(("p11", "p10", "p01"), [(0.6, 0.2, 0.1), (0.9, 0.05, 0.02), (0.3, 0.3, 0.3), (0.97, 0.02, 0)])
def test_tangos_interval_covers_about_as_often_as_promised(p11: float, p10: float, p01: float) -> None:
    n, shares = 40, [p11 + (1 - p11 - p10 - p01), p10, p01]
    table = multinomial(n, shares)
    covered = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            if (weight := float(table.pmf([n - b - c, b, c]))) > 1e-9:
                low, high = tango(b, c, n)
                covered += weight * (low <= p10 - p01 <= high)
    assert covered > 0.93


@given(st.integers(1, 80))
@settings(max_examples=30)
def test_mcnemars_exact_test_rejects_no_more_often_than_promised(discordant: int) -> None:
    rejected = [b for b in range(discordant + 1) if mcnemar(b, discordant - b) <= 0.05]
    assert sum(binom.pmf(b, discordant, 0.5) for b in rejected) <= 0.05 + 1e-12


def test_without_discordant_pairs_there_is_no_difference_to_be_seen() -> None:
    assert mcnemar(0, 0) == 1
    low, high = tango(0, 0, 50)
    assert -0.1 < low < 0 < high < 0.1


def test_of_nothing_nothing_is_known() -> None:
    assert tango(0, 0, 0) == newcombe(0, 0, 3, 4) == newcombe(3, 4, 0, 0) == (-1, 1)


@pytest.mark.parametrize("counts", [(3, 3, 5), (-1, 0, 5)])
def test_more_discordant_pairs_than_pairs_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no discordant pairs"):
        tango(*counts)


def test_all_pairs_discordant_one_way() -> None:
    low, high = tango(50, 0, 50)
    assert high == 1 and 0.8 < low < 1
    assert math.isinf(tango_score(50, 0, 50, -1.0)) or tango_score(50, 0, 50, -1.0) > 100
