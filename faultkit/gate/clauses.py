"""What rules have in common: which trials are meant, how sure the answer must be, and on how much it must rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.facts import Facts, Seen

CONFIDENCE = 0.95
NONE_IN = 59  # trials without a case that a "no" needs if it names no number: at most 5 %, with 95 % confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """The optional end of a rule: `with 99 % confidence in 300 trials where driver = nbd and side = u-driver`."""

    confidence: float | None = None
    trials: int | None = None
    where: tuple[tuple[str, str], ...] = ()

    @property
    def sure(self) -> float:
        """The confidence that is asked for."""
        return CONFIDENCE if self.confidence is None else self.confidence

    def means(self, trial: Seen) -> bool:
        """Whether a trial is in the stratum."""
        return all(trial.strata[column] == value for column, value in self.where)

    def missing(self, facts: Facts) -> str:
        """Which part of `where` no trial has, and what there is instead; "" if that is not the trouble."""
        for column, value in self.where:
            there = {trial.strata[column] for trial in facts.trials if not trial.golden}
            if value not in there:
                named = ", ".join(sorted(there - {""})) or "no other"
                return f"no trial has {column} = {value}; there is: {named}"
        return ""

    def __str__(self) -> str:
        words = [f"with {percent(self.confidence)} confidence"] if self.confidence is not None else []
        words += [f"in {self.trials} trials"] if self.trials is not None else []
        words += ["where " + " and ".join(f"{c} = {quoted(v)}" for c, v in self.where)] if self.where else []
        return "".join(f" {word}" for word in words)


def percent(share: float) -> str:
    """`99.5 %`."""
    return f"{100 * share:.10g} %"


def quoted(value: str) -> str:
    """A value as it is typed: quoted if it is more than a word."""
    return value if value.replace("_", "").replace("-", "").isalnum() else f'"{value}"'


def counted(number: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def too_few(what: str, found: int, needed: int) -> Ruling:
    """There is less evidence than the rule asks for."""
    return Ruling(
        answer=Answer.INCONCLUSIVE,
        measured=f"{found} {what}",
        reason=f"it takes {needed} {what}: {counted(needed - found, 'more trial')} that are activated",
        figures={"n": found, "needed": needed, "more_if_all_succeed": needed - found},
    )


def nothing(what: str, why: str) -> Ruling:
    """There is no evidence at all."""
    return Ruling(answer=Answer.INCONCLUSIVE, measured=f"no {what}", reason=why or "it takes one at least",
                  figures={"n": 0})  # fmt: skip


def numbers(trials: Sequence[Seen], at_most: int = 5) -> str:
    """`trials 3, 8, 12`: where to look first."""
    shown = ", ".join(str(trial.n) for trial in trials[:at_most])
    rest = f" and {len(trials) - at_most} others" if len(trials) > at_most else ""
    return f"trial{'s' if len(trials) > 1 else ''} {shown}{rest}"


def signatures(trials: Iterable[Seen]) -> tuple[str, ...]:
    """The crash signatures of some trials, each once."""
    return tuple(sorted({trial.crash for trial in trials if trial.crash}))
