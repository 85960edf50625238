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
from faultkit.results.summary import COLUMNS

QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
AT_LEAST = {">=": True, "≥": True, "<=": False, "≤": False}
OUTCOMES = {outcome.name: outcome for outcome in Outcome if outcome is not Outcome.INACTIVE}
A_SHARE = "recovered >= 99 % with 95 % confidence"
A_NO = "no CRASHED in 300 trials"
A_TIME = "p95 recovery <= 2 s"
A_DIFFERENCE = "survived >= baseline - 2 %"
A_STRATUM = "survived >= 90 % where driver = nbd and policy = nothing"


class Rule(Protocol):
    """What a campaign must show. Frozen plain data; `str()` gives the line that `parse` understands."""

    def assess(self, facts: Facts) -> Ruling:
        """Whether the campaign shows it. Pure."""


def parse(text: str) -> Rule:
    """A rule from its line. Raises: UsageError: one line with what was typed, where it goes wrong, and an example."""
    words = Words.of(text, A_SHARE)
    rule = head(words)
    if words.next:
        raise words.wants("the end, 'with', 'in' or 'where'")
    return rule


def head(words: Words) -> Rule:
    """A whole rule: its first word decides how it goes on."""
    if words.takes("no"):
        return after_no(words)
    if words.takes("golden"):
        words.example = GoldenClean.TEXT
        words.expect("clean")
        return GoldenClean(clauses=clauses(words))
    if QUANTILE.fullmatch(words.next):
        return within(words)
    return share(words)


def after_no(words: Words) -> Rule:
    """`no CRASHED`, `no new crash signature`."""
    words.example = A_NO
    if words.takes("new"):
        words.expect("crash", "signature")
        return NoNewCrash(clauses=clauses(words))
    what = "an outcome such as CRASHED, a flag such as leaked, or 'new crash signature'"
    return No(subject=subject(words, what), clauses=clauses(words))


def within(words: Words) -> Rule:
    """`p95 recovery <= 2 s`."""
    words.example = A_TIME
    quantile = hundredth(float(words.next[1:]))
    if not quantile:
        raise words.wants("a quantile such as p95")
    words.take()
    if words.next not in INTERVALS:
        raise words.wants(f"a time: {', '.join(INTERVALS)}")
    interval = words.take()
    if AT_LEAST.get(words.next, True):
        raise words.wants("'<='")
    words.take()
    limit_ns = words.amount({**UNITS_NS}, "a time such as 2 s or 500 ms")
    return Within(interval=interval, share=quantile, limit_ns=limit_ns, clauses=clauses(words))


def share(words: Words) -> Rule:
    """`recovered >= 99 %`."""
    what = f"{', '.join(MEASURES)}, an outcome such as CRASHED, 'no', 'golden clean', or a quantile such as p95"
    about = subject(words, what)
    if words.next not in AT_LEAST:
        raise words.wants("'>=' or '<='")
    at_least = AT_LEAST[words.take()]
    if words.next == "baseline":
        return not_worse(words, about, at_least)
    limit = words.fraction()
    against = opposite(words, limit, at_least) if words.takes("against") else None
    return Share(subject=about, at_least=at_least, limit=limit, against=against, clauses=clauses(words))


def not_worse(words: Words, about: tuple[str, ...], at_least: bool) -> Rule:
    """`>= baseline - 2 %`."""
    words.example = A_DIFFERENCE
    if about[0] in MEASURES and MEASURES[about[0]].of != ACTIVATED:
        raise words.wants(f"a share: only shares of {ACTIVATED} are compared with a baseline")
    words.take()
    words.expect("-" if at_least else "+")
    margin = words.fraction("a margin such as 2 %")
    return NotWorse(subject=about, at_least=at_least, margin=margin, clauses=clauses(words))


def opposite(words: Words, limit: float, at_least: bool) -> float:
    """After "against": the share that would be bad."""
    begun, against = words.at, words.fraction()
    if against == limit or (against < limit) is not at_least:
        words.at = begun
        raise words.wants(f"a share {'below' if at_least else 'above'} the limit")
    return against


def subject(words: Words, what: str) -> tuple[str, ...]:
    """A key of MEASURES, outcomes, or an outcome "or worse"."""
    if words.next in MEASURES:
        return (words.take(),)
    names = [outcome(words, what)]
    if words.takes("or", "worse"):
        return tuple(name for name, each in OUTCOMES.items() if each >= OUTCOMES[names[0]])
    while words.takes(","):
        names.append(outcome(words, "an outcome"))
    return tuple(dict.fromkeys(names))


def outcome(words: Words, what: str) -> str:
    """The name of an outcome."""
    if words.next not in OUTCOMES:
        loud = words.next.upper()
        raise words.wants(f"{loud}, in capitals" if loud in OUTCOMES else what)
    return words.take()


def clauses(words: Words) -> Clauses:
    """What may follow any rule: each once, in any order."""
    found, given = Clauses(), set[str]()
    while words.next in ("with", "in", "where"):
        if words.next in given:
            raise words.wants(f"no second '{words.next}'")
        given.add(clause := words.take())
        if clause == "with":
            found = replace(found, confidence=confidence(words))
        elif clause == "in":
            found = replace(found, trials=words.count())
            words.expect("trials")
        else:
            found = replace(found, where=where(words))
    return found


def confidence(words: Words) -> float:
    """After "with"."""
    begun, sure = words.at, words.fraction("a confidence such as 95 %")
    if sure <= 0.5:
        words.at = begun
        raise words.wants("a confidence above 50 %")
    words.expect("confidence")
    return sure


def where(words: Words) -> tuple[tuple[str, str], ...]:
    """After "where"."""
    words.example = A_STRATUM
    return (condition(words), *(condition(words) for _ in iter(lambda: words.takes("and"), False)))


def condition(words: Words) -> tuple[str, str]:
    """`driver = nbd`."""
    if words.next not in COLUMNS:
        raise words.wants(f"one of {', '.join(COLUMNS)}")
    column = words.take()
    words.expect("=")
    return column, words.value()
