"""Stopping rules keep their promises: exactly by recursion, and in seeded simulations."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultkit.statistics.rates import clopper_pearson
from faultkit.statistics.sequential import (
    Decision,
    Exceeds,
    Precise,
    Sprt,
    StoppingRule,
    Tally,
    confidence_sequence,
    evidence_against,
    first_decision,
)
from tests.operating import operating

GOOD = Sprt(p0=0.97, p1=0.99)
COUNTS = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SHARES = st.floats(0.02, 0.98)
WALDS_ASN = {0.97: 201, 0.99: 287}  # Wald's approximations for 5 % and 5 %; he neglects the overshoot


@pytest.mark.parametrize("rule", [GOOD, Sprt(p0=0.5, p1=0.9, alpha=0.1, beta=0.01), Sprt(p0=0.1, p1=0.3, beta=0.2)])
def test_the_error_rates_are_kept_exactly(rule: Sprt) -> None:
    bad, good = (operating(rule, share, 4000) for share in (rule.p0, rule.p1))
    assert bad.undecided < 1e-6 and good.undecided < 1e-6
    assert 0 < bad.above <= rule.alpha
    assert 0 < good.below <= rule.beta


def test_walds_own_limits_would_break_the_promise() -> None:
    """They are (1-beta)/alpha and beta/(1-alpha), the limits of this test for these other rates."""
    alpha, beta = 0.05 / 0.95, 0.05 / 0.95
    assert operating(Sprt(p0=0.97, p1=0.99, alpha=alpha, beta=beta), 0.97, 4000).above > 0.05


@pytest.mark.parametrize("share", [0.97, 0.99])
def test_it_takes_about_as_many_trials_as_wald_says(share: float) -> None:
    assert operating(GOOD, share, 4000).expected_n == pytest.approx(WALDS_ASN[share], rel=0.2)


@pytest.mark.parametrize("share", [0.97, 0.98, 0.99])
def test_a_simulation_agrees_with_the_recursion(share: float) -> None:
    rng, runs = random.Random(7), 2000
    ended = [first_decision(GOOD, (rng.random() < share for _ in range(4000))) for _ in range(runs)]
    exact = operating(GOOD, share, 4000)
    above = sum(progress.decision is Decision.ABOVE for progress in ended)
    low, high = clopper_pearson(above, runs, 0.999)
    assert low <= exact.above <= high
    assert sum(progress.n for progress in ended) / runs == pytest.approx(exact.expected_n, rel=0.05)


@given(st.lists(st.sampled_from([True, False, None]), max_size=300))
def test_the_test_is_walds_likelihood_ratio(successes: list[bool | None]) -> None:
    rule = Sprt(p0=0.6, p1=0.8)
    progress, ratio, expected = first_decision(rule, successes), 1.0, Decision.UNDECIDED
    for success in successes:
        if expected is Decision.UNDECIDED and success is not None:
            ratio *= 0.8 / 0.6 if success else 0.2 / 0.4
            expected = Decision.ABOVE if ratio >= 20 else Decision.BELOW if ratio <= 0.05 else Decision.UNDECIDED
    assert progress.decision is expected


def test_a_decision_stands_whatever_follows() -> None:
    progress = first_decision(GOOD, [False] * 3)
    assert progress == Tally(0, 3, Decision.BELOW)
    assert progress.after(GOOD, True) == progress


def test_what_is_no_evidence_counts_for_nothing() -> None:
    assert first_decision(GOOD, [None, False, None, False, False]) == first_decision(GOOD, [False] * 3)
    assert first_decision(GOOD, [None] * 1000) == Tally()


@given(COUNTS)
def test_the_sequence_holds_the_share_and_clopper_pearsons_interval(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = confidence_sequence(k, n)
    exact_low, exact_high = clopper_pearson(k, n)
    assert 0 <= low <= exact_low <= k / n <= exact_high <= high <= 1


@given(COUNTS)
def test_failures_and_successes_mirror_each_other(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = confidence_sequence(k, n)
    assert confidence_sequence(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(COUNTS)
def test_its_ends_are_where_the_evidence_is_just_enough(counts: tuple[int, int]) -> None:
    k, n = counts
    for end in confidence_sequence(k, n):
        if 0 < end < 1:
            assert evidence_against(end, k, n) == pytest.approx(math.log(20), abs=1e-3)


def test_without_a_failure_its_end_is_known_in_closed_form() -> None:
    weight = math.comb(2 * 300, 300) / 4**300  # of the prior Beta(1/2, 1/2): B(n + 1/2, 1/2) / B(1/2, 1/2)
    assert confidence_sequence(300, 300) == (pytest.approx((0.05 * weight) ** (1 / 300)), 1.0)


def test_the_first_trials_say_nothing() -> None:
    assert confidence_sequence(0, 0) == (0, 1)
    assert Exceeds(share=0.5).decide(0, 0) is Decision.UNDECIDED


@given(SHARES)
@settings(max_examples=25)
def test_the_true_share_hardly_ever_leaves_the_sequence(share: float) -> None:
    ever = operating(Exceeds(share=share), share, 400)
    assert ever.above + ever.below <= 0.05


@given(COUNTS, SHARES)
def test_it_exceeds_a_share_where_the_sequence_lies_beyond_it(counts: tuple[int, int], share: float) -> None:
    low, high = confidence_sequence(*counts)
    if min(abs(share - low), abs(share - high)) > 1e-6:
        expected = Decision.ABOVE if low > share else Decision.BELOW if high < share else Decision.UNDECIDED
        assert Exceeds(share=share).decide(*counts) is expected


@given(COUNTS)
def test_it_is_precise_when_the_sequence_is_narrow(counts: tuple[int, int]) -> None:
    low, high = confidence_sequence(*counts)
    assert (Precise(width=0.1).decide(*counts) is Decision.PRECISE) == (high - low <= 0.1)


@given(COUNTS)
def test_one_more_success_never_turns_above_into_below(counts: tuple[int, int]) -> None:
    k, n = counts
    order = [Decision.BELOW, Decision.UNDECIDED, Decision.ABOVE]
    rules: tuple[StoppingRule, ...] = (GOOD, Exceeds(share=0.9))
    for rule in rules:
        if k < n:
            assert order.index(rule.decide(k, n)) <= order.index(rule.decide(k + 1, n))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sprt(p0=0.99, p1=0.97), "0 < p0 < p1 < 1"),
        (lambda: Sprt(p0=0.5, p1=1.0), "0 < p0 < p1 < 1"),
        (lambda: Sprt(p0=0.5, p1=0.6, alpha=0), "error rates"),
        (lambda: Sprt(p0=0.5, p1=0.6, alpha=0.5, beta=0.5), "error rates"),
        (lambda: Exceeds(share=1.5), "share=1.5"),
        (lambda: Precise(width=0), "width=0"),
        (lambda: confidence_sequence(3, 2), "3 of 2 is not a share"),
    ],
)
def test_rules_that_make_no_sense_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
