"""The language of rules: what it says, and what it says to who gets it wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.gate.absences import GoldenClean, No, NoNewCrash
from faultkit.gate.clauses import Clauses
from faultkit.gate.language import OUTCOMES, Rule, parse_rule
from faultkit.gate.relative import NotWorse
from faultkit.gate.shares import MEASURES, Share
from faultkit.gate.times import INTERVALS, Within
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.store.columns import GROUPS


def worse(name: str) -> tuple[str, ...]:
    """The outcomes that are at least as bad as this one."""
    return tuple(outcome.name for outcome in Outcome if outcome >= Outcome[name])


NBD = Clauses(where=(("driver", "nbd"), ("fault_type", "text: nop")))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("recovered >= 99 %", Share(subject=("recovered",), at_least=True, limit=0.99)),
        ("recovered>=99%", Share(subject=("recovered",), at_least=True, limit=0.99)),
        ("  recovered  ≥  0.99  ", Share(subject=("recovered",), at_least=True, limit=0.99)),
        (
            "recovered >= 0.99 with 99 % confidence",
            Share(subject=("recovered",), at_least=True, limit=0.99, clauses=Clauses(confidence=0.99)),
        ),
        ("CRASHED, CORRUPT <= 1 %", Share(subject=("CRASHED", "CORRUPT"), at_least=False, limit=0.01)),
        ("LOST or worse <= 5 %", Share(subject=worse("LOST"), at_least=False, limit=0.05)),
        ("survived >= 99 % against 97 %", Share(subject=("survived",), at_least=True, limit=0.99, against=0.97)),
        ("leaked <= 1 % against 3 %", Share(subject=("leaked",), at_least=False, limit=0.01, against=0.03)),
        ("no CRASHED", No(subject=("CRASHED",))),
        ("no CRASHED or worse in 300 trials", No(subject=worse("CRASHED"), clauses=Clauses(trials=300))),
        ("no leaked where driver = nbd and fault_type = 'text: nop'", No(subject=("leaked",), clauses=NBD)),
        ('no leaked where driver = "nbd" and fault_type = "text: nop"', No(subject=("leaked",), clauses=NBD)),
        ("no new crash signature", NoNewCrash()),
        ("golden clean in 20 trials", GoldenClean(clauses=Clauses(trials=20))),
        ("p95 recovery <= 2 s", Within(interval="recovery", share=0.95, limit_ns=2 * 10**9)),
        ("survived >= baseline - 2 %", NotWorse(subject=("survived",), at_least=True, margin=0.02)),
        (
            "CRASHED <= baseline + 0.5 % in 9 trials",
            NotWorse(subject=("CRASHED",), at_least=False, margin=0.005, clauses=Clauses(trials=9)),
        ),
        ("p99.9 outage <= 1.5ms", Within(interval="outage", share=0.999, limit_ns=1_500_000)),
        (
            "p50 detection <= 20 us in 30 trials where side = u-driver with 90 % confidence",
            Within(
                interval="detection",
                share=0.5,
                limit_ns=20_000,
                clauses=Clauses(confidence=0.9, trials=30, where=(("side", "u-driver"),)),
            ),
        ),
    ],
)
def test_a_line_is_a_rule(line: str, rule: Rule) -> None:
    assert parse_rule(line) == rule
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("line", "place", "wants"),
    [
        ("", "at its end", "survived, recovered"),
        ("recoverd >= 99 %", "at 'recoverd >= 99 %'", "survived, recovered"),
        ("recovered > 99 %", "at '> 99 %'", "'>=' or '<='"),
        ("recovered >= 0,99", "at '0,99'", "a share such as 99 % or 0.99"),
        ("recovered >= 99", "at '99'", "a share such as 99 % or 0.99"),
        ("recovered >= 100 %", "at '100 %'", "below 100 %"),
        ("CRASHED <= 0 %", "at '0 %'", "above 0"),
        ("recovered >= -1 %", "at '-1 %'", "a share"),
        ("recovered >= 99 % against 99 %", "at '99 %'", "a share below the limit"),
        ("CRASHED <= 3 % against 1 %", "at '1 %'", "a share above the limit"),
        ("crashed <= 1 %", "at 'crashed <= 1 %'", "CRASHED, in capitals"),
        ("CRASHED, INACTIVE <= 1 %", "at 'INACTIVE <= 1 %'", "an outcome"),
        ("no", "at its end", "an outcome such as CRASHED"),
        ("no kittens", "at 'kittens'", "an outcome such as CRASHED"),
        ("no new crash", "at its end", "'signature'"),
        ("golden", "at its end", "'clean'"),
        ("survived >= baseline", "at its end", "'-'"),
        ("survived >= baseline + 2 %", "at '+ 2 %'", "'-'"),
        ("recovered >= baseline - 2 %", "at 'baseline - 2 %'", "only shares of activated trials"),
        ("p95 <= 2 s", "at '<= 2 s'", "a time: recovery, detection, outage"),
        ("p95 recovery >= 2 s", "at '>= 2 s'", "'<='"),
        ("p95 recovery <= 2", "at '2'", "a time such as 2 s"),
        ("p95 recovery <= 2 weeks", "at '2 weeks'", "a time such as 2 s"),
        ("p0 recovery <= 2 s", "at 'p0 recovery <= 2 s'", "a quantile such as p95"),
        ("survived >= 9 % with confidence", "at 'confidence'", "a confidence such as 95 %"),
        ("survived >= 9 % with 50 % confidence", "at '50 % confidence'", "above 50 %"),
        ("survived >= 9 % with 95 %", "at its end", "'confidence'"),
        ("survived >= 9 % in many trials", "at 'many trials'", "a number of trials"),
        ("survived >= 9 % in 0 trials", "at '0 trials'", "a number of trials"),
        ("survived >= 9 % in 3 trials in 4 trials", "at 'in 4 trials'", "no second 'in'"),
        ("survived >= 9 % where drivr = nbd", "at 'drivr = nbd'", "one of driver, injector, trigger"),
        ("survived >= 9 % where driver nbd", "at 'nbd'", "'='"),
        ("survived >= 9 % where driver = ", "at its end", "a value"),
        ("survived >= 9 % where driver = = nbd", "at '= nbd'", "a value"),
        ("survived >= 9 % where driver = nbd and", "at its end", "one of driver, injector"),
        ("survived >= 9 % please", "at 'please'", "the end"),
    ],
)
def test_a_mistake_is_told_where_it_is_with_an_example(line: str, place: str, wants: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_rule(line)
    text = str(told.value)
    assert f"rule '{' '.join(line.split())}': {place} there should be " in text
    assert wants in text
    assert "\n" not in text
    assert parse_rule(text.rpartition("for example: ")[2]), "the example is a rule itself"


def test_a_rule_over_several_lines_is_told_of_in_one() -> None:
    with pytest.raises(UsageError) as told:
        parse_rule("survived >= 9 %\n  where\n")
    assert "\n" not in str(told.value)


SHARES = st.integers(1, 9999).map(lambda n: n / 10_000)
VALUES = st.from_regex(r"[a-z][a-z0-9_ :.+-]{0,12}", fullmatch=True)
CLAUSES = st.builds(
    Clauses,
    confidence=st.none() | st.integers(51, 99).map(lambda n: n / 100),
    trials=st.none() | st.integers(1, 10_000),
    where=st.lists(st.tuples(st.sampled_from(GROUPS), VALUES), max_size=3).map(tuple),
)
SUBJECTS = st.sampled_from([(name,) for name in MEASURES]) | st.lists(
    st.sampled_from([*OUTCOMES]), min_size=1, max_size=4, unique=True
).map(tuple)
RULES: st.SearchStrategy[Rule] = st.one_of(
    st.builds(Share, subject=SUBJECTS, at_least=st.booleans(), limit=SHARES, clauses=CLAUSES),
    st.builds(No, subject=SUBJECTS, clauses=CLAUSES),
    st.builds(NoNewCrash, clauses=CLAUSES),
    st.builds(
        NotWorse,
        subject=st.sampled_from([("survived",), ("leaked",), ("CRASHED", "LOST")]),
        at_least=st.booleans(),
        margin=SHARES,
        clauses=CLAUSES,
    ),
    st.builds(GoldenClean, clauses=CLAUSES),
    st.builds(
        Within,
        interval=st.sampled_from([*INTERVALS]),
        share=st.integers(1, 999).map(lambda n: n / 1000),
        limit_ns=st.integers(1, 10**12),
        clauses=CLAUSES,
    ),
)


@given(RULES)
def test_what_a_rule_says_of_itself_is_the_rule(rule: Rule) -> None:
    assert parse_rule(str(rule)) == rule


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_rule_or_a_complaint_in_one_line(line: str) -> None:
    try:
        parse_rule(line)
    except UsageError as told:
        assert not re.search(r"[\n\r]", str(told))
