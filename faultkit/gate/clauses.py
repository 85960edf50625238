"""Clauses that any rule may end with (confidence, number of trials, conditions), and helpers of all rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.facts import Facts, Seen

CONFIDENCE = 0.95
NONE_IN = 59  # default sample size of a `no` rule: no case in 59 trials shows at most 5 %, with 95 % confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """The optional end of a rule: `with 99 % confidence in 300 trials where driver = nbd and side = u-driver`."""

    confidence: float | None = None
    trials: int | None = None
    where: tuple[tuple[str, str], ...] = ()

    @property
    def level(self) -> float:
        """The confidence of the rule's bounds."""
        return CONFIDENCE if self.confidence is None else self.confidence

    def selects(self, trial: Seen) -> bool:
        """True if a trial meets all conditions after "where"."""
        return all(trial.strata[column] == value for column, value in self.where)

    def missing(self, facts: Facts) -> str:
        """The condition that no trial meets, and the values that trials have; "" if each is met by some trial."""
        for column, value in self.where:
            there = {trial.strata[column] for trial in facts.trials if not trial.golden}
            if value not in there:
                named = ", ".join(sorted(there - {""})) or "no other"
                return f"no trial has {column} = {value}; there is: {named}"
        return ""

    def __str__(self) -> str:
        words = [f"with {percent(self.confidence)} confidence"] if self.confidence is not None else []
        words += [f"in {counted(self.trials, 'trial')}"] if self.trials is not None else []
        words += ["where " + " and ".join(f"{c} = {quoted(v)}" for c, v in self.where)] if self.where else []
        return "".join(f" {word}" for word in words)


def percent(share: float) -> str:
    """A share as text: `99.5 %`."""
    return f"{100 * share:.10g} %"


def quoted(value: str) -> str:
    """A value as a rule has it: in quotes if it is more than a word."""
    return value if value.replace("_", "").replace("-", "").isalnum() else f'"{value}"'


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 trial`, `2 trials`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def too_few(what: str, found: int, needed: int) -> Ruling:
    """The ruling for less evidence than the rule asks for."""
    return Ruling(
        answer=Answer.INCONCLUSIVE,
        measured=f"{found} {what}",
        reason=f"not enough to tell: it takes {needed} {what}, {counted(needed - found, 'more trial')}",
        figures={"n": found, "needed": needed, "more_if_all_succeed": needed - found},
    )


def nothing(what: str, why: str) -> Ruling:
    """The ruling for no evidence at all."""
    return Ruling(answer=Answer.INCONCLUSIVE, measured=f"no {what}", reason=why or "it takes one at least",
                  figures={"n": 0})  # fmt: skip


def trial_numbers(trials: Sequence[Seen], at_most: int = 5) -> str:
    """The numbers of some trials as text: `trials 3, 8, 12`."""
    shown = ", ".join(str(trial.n) for trial in trials[:at_most])
    rest = f" and {len(trials) - at_most} others" if len(trials) > at_most else ""
    return f"trial{'s' if len(trials) > 1 else ''} {shown}{rest}"


def crash_signatures(trials: Iterable[Seen]) -> tuple[str, ...]:
    """The crash signatures of some trials, each once."""
    return tuple(sorted({trial.crash for trial in trials if trial.crash}))
