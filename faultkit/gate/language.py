"""The language of rules: one line each, as in `recovered >= 99 % with 95 % confidence where driver = nbd`.

    SHARE >= 99 % [against 97 %]     survived, recovered, detected, activated, manifested, a flag, or outcomes
    SHARE <= 1 % [against 3 %]       `CRASHED, CORRUPT <= 1 %`, `LOST or worse <= 5 %`
    no CASE                          `no CRASHED`, `no HUNG or worse`, `no leaked`
    no new crash signature
    golden clean
    SHARE >= baseline - 2 %          of activated trials; `CRASHED <= baseline + 1 %`
    p95 TIME <= 2 s                  recovery, detection, outage; in s, ms, us

Each may end with: `with 99 % confidence`, `in 300 trials`, `where side = u-driver and policy = nothing`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol

from faultkit.gate.absences import GoldenClean, No, NoNewCrash
from faultkit.gate.answers import Ruling
from faultkit.gate.clauses import Clauses
from faultkit.gate.facts import Facts
from faultkit.gate.relative import NotWorse
from faultkit.gate.shares import ACTIVATED, MEASURES, Share
from faultkit.gate.times import INTERVALS, UNITS_NS, Within
from faultkit.gate.words import Words, hundredth
from faultkit.model.events import Outcome
from faultkit.store.columns import GROUPS

QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
AT_LEAST = {">=": True, "≥": True, "<=": False, "≤": False}
OUTCOMES = {outcome.name: outcome for outcome in Outcome if outcome is not Outcome.INACTIVE}
A_SHARE = "recovered >= 99 % with 95 % confidence"
A_NO = "no CRASHED in 300 trials"
A_TIME = "p95 recovery <= 2 s"
A_DIFFERENCE = "survived >= baseline - 2 %"
A_STRATUM = "survived >= 90 % where driver = nbd and policy = nothing"


class Rule(Protocol):
    """A requirement on a campaign. Frozen plain data; `str()` gives the line that `parse` reads."""

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer for a campaign. Pure."""


def parse_rule(text: str) -> Rule:
    """A rule from its line. Raises: UsageError, with the line, the place of the error, and an example."""
    words = Words.of(text, A_SHARE)
    rule = head(words)
    if words.peek:
        raise words.expected("the end, 'with', 'in' or 'where'")
    return rule


def head(words: Words) -> Rule:
    """A whole rule; its first word decides its form."""
    if words.accept("no"):
        return after_no(words)
    if words.accept("golden"):
        words.example = GoldenClean.TEXT
        words.expect("clean")
        return GoldenClean(clauses=clauses(words))
    if QUANTILE.fullmatch(words.peek):
        return within(words)
    return share(words)


def after_no(words: Words) -> Rule:
    """`no CRASHED`, `no new crash signature`."""
    words.example = A_NO
    if words.accept("new"):
        words.expect("crash", "signature")
        return NoNewCrash(clauses=clauses(words))
    what = "an outcome such as CRASHED, a flag such as leaked, or 'new crash signature'"
    return No(subject=subject(words, what), clauses=clauses(words))


def within(words: Words) -> Rule:
    """`p95 recovery <= 2 s`."""
    words.example = A_TIME
    quantile = hundredth(float(words.peek[1:]))
    if not quantile:
        raise words.expected("a quantile such as p95")
    words.advance()
    if words.peek not in INTERVALS:
        raise words.expected(f"a time: {', '.join(INTERVALS)}")
    interval = words.advance()
    if AT_LEAST.get(words.peek, True):
        raise words.expected("'<='")
    words.advance()
    limit_ns = words.amount({**UNITS_NS}, "a time such as 2 s or 500 ms")
    return Within(interval=interval, share=quantile, limit_ns=limit_ns, clauses=clauses(words))


def share(words: Words) -> Rule:
    """`recovered >= 99 %`."""
    what = f"{', '.join(MEASURES)}, an outcome such as CRASHED, 'no', 'golden clean', or a quantile such as p95"
    about = subject(words, what)
    if words.peek not in AT_LEAST:
        raise words.expected("'>=' or '<='")
    at_least = AT_LEAST[words.advance()]
    if words.peek == "baseline":
        return not_worse(words, about, at_least)
    limit = words.fraction()
    against = opposite(words, limit, at_least) if words.accept("against") else None
    return Share(subject=about, at_least=at_least, limit=limit, against=against, clauses=clauses(words))


def not_worse(words: Words, about: tuple[str, ...], at_least: bool) -> Rule:
    """`>= baseline - 2 %`."""
    words.example = A_DIFFERENCE
    if about[0] in MEASURES and MEASURES[about[0]].of != ACTIVATED:
        raise words.expected(f"a share: only shares of {ACTIVATED} are compared with a baseline")
    words.advance()
    words.expect("-" if at_least else "+")
    margin = words.fraction("a margin such as 2 %")
    return NotWorse(subject=about, at_least=at_least, margin=margin, clauses=clauses(words))


def opposite(words: Words, limit: float, at_least: bool) -> float:
    """The share after "against", which would be bad."""
    begun, against = words.at, words.fraction()
    if against == limit or (against < limit) is not at_least:
        words.at = begun
        raise words.expected(f"a share {'below' if at_least else 'above'} the limit")
    return against


def subject(words: Words, what: str) -> tuple[str, ...]:
    """The subject of a rule: a key of MEASURES, outcomes, or an outcome "or worse"."""
    if words.peek in MEASURES:
        return (words.advance(),)
    names = [outcome(words, what)]
    if words.accept("or", "worse"):
        return tuple(name for name, each in OUTCOMES.items() if each >= OUTCOMES[names[0]])
    while words.accept(","):
        names.append(outcome(words, "an outcome"))
    return tuple(dict.fromkeys(names))


def outcome(words: Words, what: str) -> str:
    """The name of an outcome."""
    if words.peek not in OUTCOMES:
        loud = words.peek.upper()
        raise words.expected(f"{loud}, in capitals" if loud in OUTCOMES else what)
    return words.advance()


def clauses(words: Words) -> Clauses:
    """The clauses at the end of any rule: each at most once, in any order."""
    found, given = Clauses(), set[str]()
    while words.peek in ("with", "in", "where"):
        if words.peek in given:
            raise words.expected(f"no second '{words.peek}'")
        given.add(clause := words.advance())
        if clause == "with":
            found = replace(found, confidence=confidence(words))
        elif clause == "in":
            found = replace(found, trials=words.count())
            if not words.accept("trial"):
                words.expect("trials")
        else:
            found = replace(found, where=where(words))
    return found


def confidence(words: Words) -> float:
    """The confidence after "with"."""
    begun, sure = words.at, words.fraction("a confidence such as 95 %")
    if sure <= 0.5:
        words.at = begun
        raise words.expected("a confidence above 50 %")
    words.expect("confidence")
    return sure


def where(words: Words) -> tuple[tuple[str, str], ...]:
    """The conditions after "where"."""
    words.example = A_STRATUM
    found = [condition(words)]
    while words.accept("and"):
        found.append(condition(words))
    return tuple(found)


def condition(words: Words) -> tuple[str, str]:
    """`driver = nbd`."""
    if words.peek not in GROUPS:
        raise words.expected(f"one of {', '.join(GROUPS)}")
    column = words.advance()
    words.expect("=")
    return column, words.value()
