"""Rules that allow no case: `no CRASHED`, `no new crash signature`, `golden clean`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.clauses import NONE_IN, Clauses, crash_signatures, nothing, percent, too_few, trial_numbers
from faultkit.gate.facts import Facts, Seen
from faultkit.gate.question import one_sided
from faultkit.gate.shares import measure_of
from faultkit.model.events import Outcome
from faultkit.results.signatures import is_silent


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """No trial with an outcome or flag: one case fails at once, none passes only in enough activated trials."""

    subject: tuple[str, ...]  # outcomes, or a flag
    clauses: Clauses = field(default_factory=Clauses)

    def __str__(self) -> str:
        return f"no {', '.join(self.subject)}{self.clauses}"

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer."""
        measure = measure_of(self.subject)
        among = [trial for trial in facts.faulty(self.clauses.selects) if measure.among(trial)]
        return none_of([t for t in among if measure.counts(t)], among, self.clauses, facts, ", ".join(self.subject))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoNewCrash:
    """No crash signature other than those of the known list and of the baseline."""

    TEXT: ClassVar[str] = "no new crash signature"
    clauses: Clauses = field(default_factory=Clauses)

    def __str__(self) -> str:
        return f"{self.TEXT}{self.clauses}"

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer. Golden trials count as well: a crash without a fault is news, too."""
        meant = [trial for trial in facts.trials if self.clauses.selects(trial) and (trial.golden or trial.activated)]
        new = [trial for trial in meant if trial.crash and trial.crash not in facts.known]
        among = [trial for trial in meant if not trial.golden or trial in new]
        silent = any(trial.crash and is_silent(trial.crash) for trial in new)
        what = "new crash signature" + (" (one without a report is never known)" if silent else "")
        return none_of(new, among, self.clauses, facts, what)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenClean:
    """Every trial without a fault went well: no detection, no recovery, nothing worse than MASKED."""

    TEXT: ClassVar[str] = "golden clean"
    clauses: Clauses = field(default_factory=Clauses)

    def __str__(self) -> str:
        return f"{self.TEXT}{self.clauses}"

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer."""
        among = [trial for trial in facts.trials if trial.golden and self.clauses.selects(trial)]
        cases = [trial for trial in among if not clean(trial)]
        return none_of(cases, among, self.clauses, facts, what_of(cases), "golden trials")


def clean(trial: Seen) -> bool:
    """True if a golden trial had no detection, no recovery, and at worst MASKED."""
    return trial.outcome <= Outcome.MASKED and not trial.recoveries and not trial.detected


def what_of(cases: list[Seen]) -> str:
    """Golden trials that were not clean, in words: only an alarm over nothing is a false one."""
    if any(trial.crash for trial in cases):
        return "a crash without a fault"
    return "a failure without a fault" if any(t.outcome > Outcome.RECOVERED for t in cases) else "false alarm"


def none_of(
    cases: list[Seen],
    among: list[Seen],
    clauses: Clauses,
    facts: Facts,
    what: str,
    of: str = "activated trials",
) -> Ruling:
    """The answer of a rule that allows no case: `cases` of the trials `among`, of which it takes enough."""
    needed, n = clauses.trials or NONE_IN, len(among)
    if cases:
        return Ruling(
            answer=Answer.FAIL,
            measured=f"{len(cases)} of {n} {of}",
            reason=f"{what} in {trial_numbers(cases)}",
            figures={"k": len(cases), "n": n, "needed": needed},
            certain=True,
            crashes=crash_signatures(cases),
        )
    if not among:
        return nothing(of, clauses.missing(facts))
    if n < needed:
        return too_few(of, n, needed)
    _, high = one_sided(0, n, clauses.level)
    return Ruling(
        answer=Answer.PASS,
        measured=f"none in {n} {of}",
        reason=f"that shows at most {100 * high:.2f} %, with {percent(clauses.level)} confidence",
        figures={"k": 0, "n": n, "needed": needed, "high": high},
    )
