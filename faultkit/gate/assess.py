"""Assessment of a campaign by a gate: each rule's answer, and the answer of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.facts import Facts, report_of
from faultkit.gate.sources import Named, Rules
from faultkit.results.summary import VOID_SHARE, accounting
from faultkit.store.meta import Meta
from faultkit.store.store import Store

PASSED, FAILED, INCONCLUSIVE, HARNESS = 0, 1, 3, 5


@dataclass(frozen=True, slots=True)
class Assessment:
    """A rule and its answer."""

    name: str
    rule: str
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The gate's answers for a campaign, with everything that their reports need."""

    experiment: str
    result: str  # the directory
    origin: str  # the source of the rules: a file, the experiment or the command line
    lines: tuple[Assessment, ...]
    accounting: Mapping[str, int]
    trouble: str  # the trouble with the harness; "" if there is none
    crashes: Mapping[str, tuple[int, ...]]  # signature -> trials
    known: frozenset[str]
    reports: Mapping[str, str] = field(repr=False)  # signature -> the kernel's first report
    meta: Meta = field(repr=False)

    @property
    def answer(self) -> Answer:
        """FAIL if any rule failed; PASS only if all passed."""
        return overall(line.ruling.answer for line in self.lines)

    @property
    def exit_code(self) -> int:
        """The exit code: a failure that was found comes first, then trouble with the harness."""
        if self.answer is Answer.FAIL:
            return FAILED
        if self.trouble:
            return HARNESS
        return PASSED if self.answer is Answer.PASS else INCONCLUSIVE

    @property
    def blamed(self) -> frozenset[str]:
        """The crash signatures for which a rule failed."""
        failed = (line.ruling for line in self.lines if line.ruling.answer is Answer.FAIL)
        return frozenset(name for ruling in failed for name in ruling.crashes)

    def count(self, answer: Answer) -> int:
        """The number of rules with this answer."""
        return sum(line.ruling.answer is answer for line in self.lines)


def overall(answers: Iterable[Answer]) -> Answer:
    """The worst of the answers: FAIL, else INCONCLUSIVE, else PASS."""
    found = {*answers}
    return next((answer for answer in (Answer.FAIL, Answer.INCONCLUSIVE) if answer in found), Answer.PASS)


def assess(rules: Iterable[Named], facts: Facts) -> tuple[Assessment, ...]:
    """Each rule's answer. Pure."""
    return tuple(Assessment(named.name, str(named.rule), sound(named.rule.assess(facts), facts)) for named in rules)


def sound(ruling: Ruling, facts: Facts) -> Ruling:
    """The same answer, or INCONCLUSIVE if the campaign cannot support it.

    Many void trials, or a list that was not run to its end, support no pass, and no failure by statistics: the
    missing trials may be no fair sample. A forbidden case that was seen still counts.
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
    """The trouble with the harness; "" if there is none."""
    if facts.unjudged:
        return f"{len(facts.unjudged)} of {facts.ended} trials have no verdict: `faultkit judge` asks the oracle again"
    if not facts.harness_trouble:
        return ""
    share = f"more than {100 * VOID_SHARE:g} %"
    return f"{facts.void} of {facts.ended} trials are void, {share}: faultkit or the machine is in trouble"


def gated(store: Store, rules: Rules, facts: Facts) -> Gated:
    """The gate's answers for a stored campaign."""
    meta, crashes = store.meta(), facts.crashes()
    return Gated(
        experiment=str(meta.experiment),
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
