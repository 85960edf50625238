"""Each rule at its edges; pass, fail and inconclusive are never confused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from faultkit.gate.answers import Answer
from faultkit.gate.assess import overall, sound
from faultkit.gate.facts import Facts, Seen, compared
from faultkit.gate.language import parse_rule
from faultkit.gate.question import FixedSize, Question
from faultkit.gate.times import took, upper_bound
from faultkit.model.events import Outcome
from faultkit.results.signatures import signature
from faultkit.statistics.rates import clopper_pearson
from faultkit.statistics.sequential import Decision
from tests.gate_facts import a_trial, facts, golden, outcomes

PASS, FAIL, INCONCLUSIVE = Answer.PASS, Answer.FAIL, Answer.INCONCLUSIVE
LINES = (
    "survived >= 90 %", "LOST or worse <= 5 %", "no LOST", "p90 recovery <= 100 ms", "no new crash signature",
    "survived >= 90 % against 80 %",
)  # fmt: skip


def answer(line: str, campaign: Facts) -> Answer:
    """The answer of a rule."""
    return parse_rule(line).assess(campaign).answer


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        (298, 0, INCONCLUSIVE),  # 0.05 ** (1 / 298) is 0.98999...
        (299, 0, PASS),
        (471, 1, INCONCLUSIVE),
        (472, 1, PASS),
        (96, 3, INCONCLUSIVE),  # the upper bound is 99.17 %
        (94, 4, FAIL),
        (0, 1, FAIL),
    ],
)
def test_a_share_passes_and_fails_exactly_where_its_bounds_cross_the_limit(
    good: int, bad: int, expected: Answer
) -> None:
    assert answer("recovered >= 99 %", outcomes(RECOVERED=good, LOST=bad)) is expected
    at_least = binomtest(good, good + bad, 0.99, alternative="greater").pvalue
    at_most = binomtest(good, good + bad, 0.99, alternative="less").pvalue
    assert bool(at_least <= 0.05) is (expected is PASS)
    assert bool(at_most < 0.05) is (expected is FAIL)


def test_a_share_that_must_be_low_is_the_mirror_image() -> None:
    for good, bad in ((299, 0), (298, 0), (94, 4), (96, 3)):
        campaign = outcomes(RECOVERED=good, LOST=bad)
        assert answer("LOST <= 1 %", campaign) is answer("recovered >= 99 %", campaign)


def test_a_share_says_its_bounds_in_its_own_terms() -> None:
    campaign = outcomes(RECOVERED=99, LOST=1)
    low, high = clopper_pearson(1, 100, 0.9)
    for line, k, bounds in (("LOST <= 10 %", 1, (low, high)), ("survived >= 90 %", 99, (1 - high, 1 - low))):
        ruling = parse_rule(line).assess(campaign)
        assert (ruling.figures["k"], ruling.figures["n"]) == (k, 100)
        assert (ruling.figures["low"], ruling.figures["high"]) == pytest.approx(bounds)
        assert f"{k}/100" in ruling.measured and f"{100 * bounds[0]:.2f}" in ruling.measured
        assert "bound" in ruling.reason and "95 %" in ruling.reason


def test_each_share_has_its_own_denominator() -> None:
    campaign = facts(
        a_trial(0, Outcome.INACTIVE),
        a_trial(1, Outcome.MASKED),
        a_trial(2, Outcome.MASKED, flags=("injected", "leaked")),
        a_trial(3, Outcome.RECOVERED, flags=("injected", "warned")),
        a_trial(4, Outcome.LOST, flags=()),
        a_trial(5, Outcome.DISRUPTED, detected_by=""),
        a_trial(6, Outcome.INACTIVE, flags=()),
        golden(7),
    )
    shares = {
        "survived": (3, 5), "recovered": (1, 3), "detected": (2, 3), "activated": (5, 6), "manifested": (3, 5),
        "leaked": (1, 5), "warned": (1, 5), "LOST": (1, 5), "DISRUPTED or worse": (2, 5), "MASKED, RECOVERED": (3, 5),
    }  # fmt: skip
    for subject, counts in shares.items():
        figures = parse_rule(f"{subject} >= 50 %").assess(campaign).figures
        assert (subject, (figures["k"], figures["n"])) == (subject, counts)


@given(good=st.integers(0, 400), bad=st.integers(0, 400), limit=st.integers(1, 99))
def test_pass_and_fail_exclude_each_other_and_more_success_never_turns_a_pass(good: int, bad: int, limit: int) -> None:
    test = FixedSize(limit / 100, 0.95)
    order = (Decision.BELOW, Decision.UNDECIDED, Decision.ABOVE)
    before, better = test.decide(good, good + bad), test.decide(good + 1, good + bad + 1)
    assert order.index(better) >= order.index(before)
    if bad:
        assert order.index(test.decide(good + 1, good + bad)) >= order.index(before)
    assert (before is Decision.ABOVE) <= (good >= limit / 100 * (good + bad))
    assert (before is Decision.BELOW) <= (good < limit / 100 * (good + bad))


ENDS = st.lists(st.sampled_from([Outcome.MASKED, Outcome.RECOVERED, Outcome.DISRUPTED, Outcome.LOST]), max_size=120)


@given(ends=ENDS, line=st.sampled_from(LINES), watched=st.booleans())
def test_a_good_trial_at_the_end_never_turns_a_pass_into_something_else(
    ends: list[Outcome], line: str, watched: bool
) -> None:
    trials = [a_trial(n, end) for n, end in enumerate(ends)]
    before = answer(line, facts(*trials, watched=watched))
    after = answer(line, facts(*trials, a_trial(len(trials), Outcome.RECOVERED), watched=watched))
    if before is PASS:
        assert after is PASS
    if before is INCONCLUSIVE:
        assert after is not FAIL


@given(ends=ENDS, line=st.sampled_from(LINES))
def test_a_recovered_trial_in_place_of_a_lost_one_never_makes_it_worse(ends: list[Outcome], line: str) -> None:
    order = (FAIL, INCONCLUSIVE, PASS)
    trials = [a_trial(n, end) for n, end in enumerate(ends)]
    better = [replace(t, outcome=Outcome.RECOVERED) if t.n % 2 and t.outcome > Outcome.RECOVERED else t for t in trials]
    assert order.index(answer(line, facts(*better))) >= order.index(answer(line, facts(*trials)))


@pytest.mark.parametrize("line", LINES)
def test_no_trials_are_no_evidence(line: str) -> None:
    for campaign in (facts(), facts(golden(0)), facts(a_trial(0, Outcome.INACTIVE))):
        ruling = parse_rule(line).assess(campaign)
        assert ruling.answer is INCONCLUSIVE
        assert ruling.figures["n"] == 0


@pytest.mark.parametrize("line", LINES)
def test_a_stratum_that_is_not_there_is_told_with_those_that_are(line: str) -> None:
    ruling = parse_rule(f"{line} where driver = ndb").assess(outcomes(RECOVERED=100))
    assert ruling.answer is INCONCLUSIVE
    assert ruling.reason == "no trial has driver = ndb; there is: nbd"


def test_a_stratum_is_judged_by_itself() -> None:
    campaign = facts(
        *(a_trial(n, driver="nbd") for n in range(60)),
        *(a_trial(n, Outcome.LOST, driver="rtl8139", policy="nothing") for n in range(60, 90)),
    )
    assert answer("survived >= 90 %", campaign) is FAIL
    assert answer("survived >= 90 % where driver = nbd", campaign) is PASS
    assert answer("no LOST where driver = nbd and policy = restart_udriver", campaign) is PASS
    assert answer("no LOST where policy = nothing", campaign) is FAIL


@pytest.mark.parametrize(("line", "enough"), [("no CRASHED", 59), ("no CRASHED in 200 trials", 200)])
def test_none_is_a_pass_only_in_enough_trials(line: str, enough: int) -> None:
    assert answer(line, outcomes(RECOVERED=enough)) is PASS
    few = parse_rule(line).assess(outcomes(RECOVERED=enough - 1, INACTIVE=500))
    assert few.answer is INCONCLUSIVE
    assert few.figures["more_if_all_succeed"] == 1
    assert "1 more trial" in few.reason


def test_the_number_that_none_needs_by_itself_shows_at_most_five_percent() -> None:
    ruling = parse_rule("no CRASHED").assess(outcomes(RECOVERED=59))
    assert 0.04 < (ruling.figures["high"] or 1) < 0.05
    assert "at most 4.95 %" in ruling.reason


def test_one_is_a_failure_in_any_number_of_trials() -> None:
    ruling = parse_rule("no CRASHED").assess(facts(a_trial(7, Outcome.CRASHED, crash="oops in f")))
    assert (ruling.answer, ruling.certain, ruling.crashes) == (FAIL, True, ("oops in f",))
    assert "trial 7" in ruling.reason


def test_the_first_five_bad_trials_are_named_and_the_others_counted() -> None:
    def reason(count: int) -> str:
        return parse_rule("no CRASHED").assess(facts(*(a_trial(n, Outcome.CRASHED) for n in range(count)))).reason

    assert "trials 0, 1, 2, 3, 4" in reason(5) and "others" not in reason(5)
    assert "trials 0, 1, 2, 3, 4 and 1 others" in reason(6)


@pytest.mark.parametrize("line", ["survived >= 99%", "CRASHED <= 1%"])
def test_a_share_names_the_crashes_of_the_trials_that_are_bad_for_it(line: str) -> None:
    good = a_trial(1, Outcome.RECOVERED, crash="an oops in a trial that was recovered from")
    assert parse_rule(line).assess(facts(a_trial(0, Outcome.CRASHED, crash="oops in f"), good)).crashes == (
        "oops in f",
    )


def test_a_crash_is_news_unless_it_is_known_or_in_the_baseline() -> None:
    crash = a_trial(59, Outcome.CRASHED, crash="oops in f")
    campaign = facts(*(a_trial(n) for n in range(59)), crash)
    line = "no new crash signature"
    assert answer(line, campaign) is FAIL
    assert answer(line, compared(campaign, known=["oops in g"])) is FAIL
    assert answer(line, compared(campaign, known=["oops in f"])) is PASS
    assert answer(line, compared(campaign, baseline=facts(crash))) is PASS
    assert answer(line, facts(golden(0, Outcome.CRASHED, crash="oops in f"))) is FAIL, "also without a fault"


@pytest.mark.parametrize(
    "bad", [golden(1, Outcome.DISRUPTED), golden(1, recoveries=1), golden(1, detected_by="heartbeat")]
)
def test_golden_trials_are_clean_or_a_failure(bad: object) -> None:
    assert answer("golden clean in 1 trial", facts(golden(0))) is PASS
    assert answer("golden clean", facts(*map(golden, range(59)))) is PASS
    assert answer("golden clean", facts(*map(golden, range(58)))) is INCONCLUSIVE, 'as any rule with "no"'
    assert answer("golden clean", facts(golden(0), bad)) is FAIL  # type: ignore[arg-type]
    assert answer("golden clean", facts(a_trial(0))) is INCONCLUSIVE
    assert answer("golden clean in 2 trials", facts(golden(0))) is INCONCLUSIVE


def times(*milliseconds: float | None) -> Facts:
    """Recoveries that took so long; None is one that never came."""
    return facts(*(a_trial(n, recovery_ms=ms) for n, ms in enumerate(milliseconds)))


def test_a_quantile_needs_59_trials_for_p95_at_95_percent() -> None:
    assert answer("p95 recovery <= 10 ms", times(*[10] * 58)) is INCONCLUSIVE
    assert answer("p95 recovery <= 10 ms", times(*[10] * 59)) is PASS, "exactly the limit is within it"
    assert answer("p95 recovery <= 9.999999 ms", times(*[10] * 59)) is FAIL


def test_what_never_recovered_took_forever() -> None:
    assert answer("p95 recovery <= 10 ms", times(*[1] * 200, *[None] * 30)) is FAIL
    ruling = parse_rule("p95 recovery <= 10 ms").assess(times(*[1] * 80, *[None] * 6))
    assert ruling.figures["estimate_ns"] is None and "never" in ruling.measured
    lost = a_trial(0, Outcome.LOST, recovery_ms=1)
    assert took("outage", lost) == math.inf, "the workload ended before the outage did"
    assert took("recovery", lost) == 1_000_000


def test_an_error_that_nobody_had_to_recover_from_has_no_recovery_time() -> None:
    quick = [a_trial(n, recovery_ms=1) for n in range(59)]
    undetected = a_trial(99, Outcome.DISRUPTED, recovery_ms=None, detected_by="")
    masked = a_trial(98, Outcome.MASKED, recovery_ms=None)
    assert parse_rule("p95 recovery <= 10 ms").assess(facts(*quick, undetected, masked)).figures["n"] == 59
    crashed = a_trial(97, Outcome.CRASHED, recovery_ms=None, detected_by="")
    assert parse_rule("p95 recovery <= 10 ms").assess(facts(*quick, crashed)).figures["n"] == 60


@given(values=st.lists(st.integers(1, 50), min_size=1, max_size=150), q=st.integers(1, 99), limit=st.integers(1, 50))
def test_the_bound_of_a_quantile_keeps_the_limit_exactly_if_the_rule_passes(
    values: list[int], q: int, limit: int
) -> None:
    passes = answer(f"p{q} recovery <= {limit} ms", times(*values)) is PASS
    assert passes is (upper_bound(values, q / 100, 0.95) <= limit)


def test_a_bound_of_a_quantile_from_the_tables() -> None:
    """The largest of 59 bounds p95, the 93rd of 93 - 1 does from 93 on, at 95 %: W. Hahn and W. Meeker, 1991."""
    assert upper_bound(range(58), 0.95, 0.95) == math.inf
    assert upper_bound(range(59), 0.95, 0.95) == 58
    assert upper_bound(range(92), 0.95, 0.95) == 91
    assert upper_bound(range(93), 0.95, 0.95) == 91


def test_how_many_more_would_decide() -> None:
    ruling = parse_rule("recovered >= 99 %").assess(outcomes(RECOVERED=200))
    assert ruling.figures["more_if_all_succeed"] == ruling.figures["more_at_this_rate"] == 99
    assert "99 more would pass if all went well" in ruling.reason
    ruling = parse_rule("recovered >= 99 %").assess(outcomes(RECOVERED=97, LOST=2))
    assert "would pass if all went well; at the present rate about" in ruling.reason and "would fail" in ruling.reason
    ruling = parse_rule("recovered >= 99 %").assess(outcomes(RECOVERED=99, LOST=1))
    assert "at the present rate it stays open" in ruling.reason
    assert ruling.figures["more_at_this_rate"] is None


@given(good=st.integers(0, 200), bad=st.integers(0, 20), limit=st.integers(50, 99))
def test_as_many_more_as_said_do_decide_and_one_less_does_not(good: int, bad: int, limit: int) -> None:
    question = Question(share=limit / 100, confidence=0.95)
    if question.test.decide(good, good + bad) is not Decision.UNDECIDED:
        return
    more = question.more_if_all_succeed(good, good + bad)
    assert more is not None
    assert question.test.decide(good + more, good + bad + more) is Decision.ABOVE
    assert more == 1 or question.test.decide(good + more - 1, good + bad + more - 1) is not Decision.ABOVE


def test_a_campaign_that_was_watched_is_held_to_a_test_that_allows_for_it() -> None:
    campaign = outcomes(RECOVERED=299)
    assert answer("recovered >= 99 %", campaign) is PASS
    assert answer("recovered >= 99 %", replace(campaign, watched=True)) is INCONCLUSIVE
    assert answer("recovered >= 99 %", replace(outcomes(RECOVERED=700), watched=True)) is PASS


def test_a_first_decision_stands_whatever_follows() -> None:
    late = [*[Outcome.RECOVERED] * 200, *[Outcome.LOST] * 20]
    early = [*[Outcome.LOST] * 20, *[Outcome.RECOVERED] * 200]
    line = "survived >= 99 % against 90 %"
    assert answer(line, facts(*(a_trial(n, end) for n, end in enumerate(late)))) is PASS
    assert answer(line, facts(*(a_trial(n, end) for n, end in enumerate(early)))) is FAIL


def test_a_list_that_was_not_run_to_its_end_neither_passes_nor_fails_by_figures() -> None:
    for campaign in (outcomes(RECOVERED=300), outcomes(LOST=300)):
        ruling = sound(parse_rule("recovered >= 99 %").assess(campaign), replace(campaign, planned=301))
        assert ruling.answer is INCONCLUSIVE
        assert "300 of 301 planned trials have ended" in ruling.reason


def test_many_void_trials_are_the_harness_and_not_the_driver() -> None:
    for campaign in (outcomes(RECOVERED=300), outcomes(LOST=300)):
        ruling = parse_rule("recovered >= 99 %").assess(campaign)
        some, many = replace(campaign, void=15, planned=315), replace(campaign, void=16, planned=316)
        assert sound(ruling, some) == ruling
        assert sound(ruling, many).answer is INCONCLUSIVE
        assert "16 of 316 trials are void, more than 5 %" in sound(ruling, many).reason


def test_a_crash_that_was_seen_stays_seen() -> None:
    campaign = replace(outcomes(CRASHED=1), void=50, planned=500)
    assert sound(parse_rule("no CRASHED").assess(campaign), campaign).answer is FAIL


def test_a_gate_is_as_good_as_its_worst_rule() -> None:
    assert overall([PASS, PASS]) is PASS
    assert overall([PASS, INCONCLUSIVE]) is INCONCLUSIVE
    assert overall([INCONCLUSIVE, FAIL, PASS]) is FAIL


def test_how_many_successes_in_a_row_pass_walds_test() -> None:
    needed = math.ceil(math.log(20) / math.log(0.99 / 0.97))
    question = Question(share=0.99, against=0.97, confidence=0.95)
    assert question.more_if_all_succeed(0, 0) == needed == 147
    assert question.decision([True] * (needed - 1)) is Decision.UNDECIDED
    assert question.decision([True] * needed) is Decision.ABOVE


def test_a_pass_that_takes_more_than_a_million_trials_is_none() -> None:
    assert Question(share=1 - 1e-8, confidence=0.95).more_if_all_succeed(0, 0) is None


@pytest.mark.parametrize("ending", ["panicked", "watchdog", "exited", "Fatal exception in interrupt"])
def test_a_crash_without_a_report_is_never_known(ending: str) -> None:
    """Such a signature tells no crash from another: once known, it would cover all that come."""
    name = signature(ending, None)
    before = facts(a_trial(0, Outcome.CRASHED, crash=name))
    found = facts(*(a_trial(n) for n in range(99)), a_trial(99, Outcome.CRASHED, crash=name))
    ruling = parse_rule("no new crash signature").assess(compared(found, known=[name, ending], baseline=before))
    assert ruling.answer is FAIL
    assert ruling.reason == "new crash signature (one without a report is never known) in trial 99"
    assert parse_rule("no new crash signature").assess(compared(found, known=[name, "oops in f"])).answer is FAIL
    told = facts(*(a_trial(n) for n in range(99)), a_trial(99, Outcome.CRASHED, crash="Fatal exception in f"))
    assert parse_rule("no new crash signature").assess(compared(told, known=["Fatal exception in f"])).answer is PASS


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (golden(1, Outcome.CRASHED, crash="KFENCE: use-after-free read in ring_read"), "a crash without a fault"),
        (golden(1, Outcome.LOST), "a failure without a fault"),
        (golden(1, recoveries=1), "false alarm"),
        (golden(1, detected_by="heartbeat"), "false alarm"),
    ],
)
def test_only_an_alarm_over_nothing_is_called_a_false_one(bad: Seen, what: str) -> None:
    assert parse_rule("golden clean").assess(facts(golden(0), bad)).reason == f"{what} in trial 1"
