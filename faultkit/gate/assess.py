"""A campaign before its gate: each rule's answer, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.facts import Facts, report_of
from faultkit.gate.sources import Named, Rules
from faultkit.results.summary import VOID_SHARE, accounting
from faultkit.store.store import Store

PASSED, FAILED, INCONCLUSIVE, HARNESS = 0, 1, 3, 5


@dataclass(frozen=True, slots=True)
class Line:
    """A rule and its answer."""

    name: str
    rule: str
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """A campaign's answers, with all that a report of them needs."""

    experiment: str
    result: str  # the directory
    origin: str  # where the rules are from
    lines: tuple[Line, ...]
    accounting: Mapping[str, int]
    trouble: str  # what went wrong with the harness; "" if nothing did
    crashes: Mapping[str, tuple[int, ...]]  # signature -> trials
    known: frozenset[str]
    reports: Mapping[str, str] = field(repr=False)  # signature -> what the kernel said the first time
    meta: Mapping[str, Any] = field(repr=False)

    @property
    def answer(self) -> Answer:
        """FAIL if any rule failed; PASS only if all passed."""
        return overall(line.ruling.answer for line in self.lines)

    @property
    def exit_code(self) -> int:
        """A failure that was found stands, whatever else went wrong; otherwise a harness in trouble is told first."""
        if self.answer is Answer.FAIL:
            return FAILED
        if self.trouble:
            return HARNESS
        return PASSED if self.answer is Answer.PASS else INCONCLUSIVE

    @property
    def blamed(self) -> frozenset[str]:
        """The crash signatures that a rule failed for."""
        failed = (line.ruling for line in self.lines if line.ruling.answer is Answer.FAIL)
        return frozenset(name for ruling in failed for name in ruling.crashes)

    def count(self, answer: Answer) -> int:
        """How many rules have this answer."""
        return sum(line.ruling.answer is answer for line in self.lines)


def overall(answers: Iterable[Answer]) -> Answer:
    """The worst: FAIL, else INCONCLUSIVE, else PASS."""
    found = {*answers}
    return next((answer for answer in (Answer.FAIL, Answer.INCONCLUSIVE) if answer in found), Answer.PASS)


def assess(rules: Iterable[Named], facts: Facts) -> tuple[Line, ...]:
    """Each rule's answer. Pure."""
    return tuple(Line(named.name, str(named.rule), sound(named.rule.assess(facts), facts)) for named in rules)


def sound(ruling: Ruling, facts: Facts) -> Ruling:
    """The same answer, unless the campaign is no ground for one.

    With many void trials, or a list that was not run to its end, neither a pass nor a failure that rests on
    statistics is one: who is missing may be no fair sample. A case that was seen stays seen.
    """
    if ruling.certain or ruling.answer is Answer.INCONCLUSIVE:
        return ruling
    if why := trouble(facts):
        return replace(ruling, answer=Answer.INCONCLUSIVE, reason=why)
    if facts.unfinished:
        left = f"{facts.ended} of {facts.planned} planned trials have ended: `faultkit run --resume` runs the others"
        return replace(ruling, answer=Answer.INCONCLUSIVE, reason=left)
    return ruling


def trouble(facts: Facts) -> str:
    """What is wrong with the harness; "" for nothing."""
    if not facts.harness_trouble:
        return ""
    share = f"more than {100 * VOID_SHARE:g} %"
    return f"{facts.void} of {facts.ended} trials are void, {share}: faultkit or the machine is in trouble"


def gated(store: Store, rules: Rules, facts: Facts) -> Gated:
    """A stored campaign before its gate."""
    meta, crashes = store.meta(), facts.crashes()
    return Gated(
        experiment=str(meta.get("experiment")),
        result=str(store.path),
        origin=rules.origin,
        lines=assess(rules.rules, facts),
        accounting=accounting(store),
        trouble=trouble(facts),
        crashes={name: tuple(trials) for name, trials in crashes.items()},
        known=facts.known,
        reports={name: report_of(store, trials[0]) for name, trials in crashes.items()},
        meta=meta,
    )
