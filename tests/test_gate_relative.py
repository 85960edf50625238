"""Rules that compare with a baseline: a difference must be large enough and significant, or it fails nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.gate.answers import Answer
from faultkit.gate.facts import Facts, compared
from faultkit.gate.language import parse_rule
from faultkit.model.events import Outcome
from faultkit.statistics.differences import mcnemar, tango
from tests.gate_facts import a_trial, facts

PASS, FAIL, INCONCLUSIVE = Answer.PASS, Answer.FAIL, Answer.INCONCLUSIVE
GOOD, BAD = Outcome.RECOVERED, Outcome.LOST
LINE = "survived >= baseline - 5 %"


def campaign(ends: Sequence[Outcome], **strata: str) -> Facts:
    """Trials that ended so."""
    return facts(*(a_trial(n, end, **strata) for n, end in enumerate(ends)))


def pairs(worse: int, better: int, same: int, *, mismatch: str | None = None) -> Facts:
    """A campaign beside a baseline: so many pairs that differ, and others that are alike."""
    before = [GOOD] * worse + [BAD] * better + [GOOD] * same
    now = [BAD] * worse + [GOOD] * better + [GOOD] * same
    return compared(campaign(now), baseline=campaign(before), mismatch=mismatch)


@pytest.mark.parametrize(
    ("worse", "better", "same", "expected"),
    [
        (0, 0, 51, INCONCLUSIVE),
        (0, 0, 52, PASS),  # 1.645 ** 2 / (52 + 1.645 ** 2) is 4.95 %
        (4, 0, 40, INCONCLUSIVE),  # 9 %, but p is 0.125
        (6, 0, 60, FAIL),  # 9 %, and p is 0.031
        (6, 0, 200, INCONCLUSIVE),  # significant, but less than 5 %
        (6, 0, 2000, PASS),  # significant, and less than 5 % for sure
        (20, 14, 60, INCONCLUSIVE),  # 6 %, but p is 0.39
        (0, 20, 60, PASS),
    ],
)
def test_it_takes_both_an_effect_and_significance_to_fail(worse: int, better: int, same: int, expected: Answer) -> None:
    ruling = parse_rule(LINE).assess(pairs(worse, better, same))
    assert ruling.answer is expected
    assert ruling.figures["p_value"] == mcnemar(worse, better)
    assert (ruling.figures["low"], ruling.figures["high"]) == tango(worse, better, worse + better + same, 0.9)
    assert f"worse in {worse}, better in {better}" in ruling.measured


def test_a_share_that_must_be_low_is_the_mirror_image() -> None:
    for counts in ((0, 0, 52), (0, 0, 51), (6, 0, 60), (6, 0, 2000)):
        one, two = (parse_rule(line).assess(pairs(*counts)) for line in (LINE, "LOST <= baseline + 5 %"))
        assert one.answer is two.answer
        assert (one.figures["k"], two.figures["k"]) == (sum(counts) - counts[0], counts[0])


@given(worse=st.integers(0, 30), better=st.integers(0, 30), same=st.integers(1, 300))
def test_pass_and_fail_exclude_each_other_and_a_better_pair_never_makes_it_worse(
    worse: int, better: int, same: int
) -> None:
    order = (FAIL, INCONCLUSIVE, PASS)
    ruling = parse_rule(LINE).assess(pairs(worse, better, same))
    after = parse_rule(LINE).assess(pairs(worse, better + 1, same - 1))
    assert order.index(after.answer) >= order.index(ruling.answer)
    if ruling.answer is FAIL:
        assert float(ruling.figures["high"] or 0) > 0.05


def test_lists_that_do_not_match_are_compared_as_they_are() -> None:
    paired, apart = (parse_rule(LINE).assess(pairs(4, 0, 80, mismatch=why)) for why in (None, "other seeds"))
    assert "pairs of activated trials" in paired.measured and "pairs" not in apart.measured
    assert float(apart.figures["high"] or 0) > float(paired.figures["high"] or 1), "pairs tell more"


def test_a_pair_is_evidence_only_if_both_were_activated() -> None:
    now = [Outcome.INACTIVE, GOOD, GOOD, GOOD]
    before = [GOOD, Outcome.INACTIVE, GOOD, BAD]
    ruling = parse_rule(LINE).assess(compared(campaign(now), baseline=campaign(before)))
    assert (ruling.figures["n"], ruling.figures["k"], ruling.figures["baseline_k"]) == (2, 2, 1)


def test_a_stratum_is_that_of_our_trials() -> None:
    """The baseline's partners may have another policy: that is what is compared."""
    now, before = campaign([GOOD] * 60, policy="restart_udriver"), campaign([BAD] * 60, policy="nothing")
    ruling = parse_rule(f"{LINE} where policy = restart_udriver").assess(compared(now, baseline=before))
    assert (ruling.answer, ruling.figures["n"]) == (PASS, 60)


@pytest.mark.parametrize(
    ("campaign", "says"),
    [
        (facts(a_trial(0)), "there is no baseline"),
        (compared(facts(a_trial(0)), baseline=facts(a_trial(0), planned=2)), "the baseline is unfinished"),
        (compared(facts(a_trial(0)), baseline=facts(a_trial(0), void=1)), "many of it are void"),
        (replace(pairs(0, 0, 60), watched=True), "was to end when decided"),
        (compared(facts(a_trial(0)), baseline=facts(a_trial(1))), "no pairs of activated trials"),
    ],
)
def test_without_a_sound_baseline_there_is_no_answer(campaign: Facts, says: str) -> None:
    ruling = parse_rule(LINE).assess(campaign)
    assert ruling.answer is INCONCLUSIVE
    assert says in ruling.measured


def test_as_many_more_as_said_do_pass() -> None:
    ruling = parse_rule(LINE).assess(pairs(1, 0, 40))
    more = int(ruling.reason.split(" more would pass")[0].rpartition(" ")[2])
    assert parse_rule(LINE).assess(pairs(1, 0, 40 + more)).answer is PASS
    assert parse_rule(LINE).assess(pairs(1, 0, 40 + more - 1)).answer is INCONCLUSIVE
