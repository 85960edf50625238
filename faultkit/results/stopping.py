"""Stopping rules applied to a campaign's trials in the order of its list, whatever the order in which they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from faultkit.model.abilities import Ability
from faultkit.model.events import Outcome
from faultkit.results.summary import GOLDEN
from faultkit.results.words import class_name, in_words
from faultkit.statistics.sequential import Decision, StoppingRule, Tally
from faultkit.store import queries
from faultkit.store.store import Store
from faultkit.verdict.outcomes import SURVIVED


def success(injector: str, outcome: Outcome | None) -> bool | None:
    """True if a trial survived; None if it is no evidence: golden, without an outcome, or INACTIVE."""
    if injector == GOLDEN or outcome is None or outcome is Outcome.INACTIVE:
        return None
    return outcome in SURVIVED


class Stopper(Protocol):
    """Decides when a campaign may stop."""

    @property
    def decided(self) -> bool:
        """True once the campaign may stop."""

    def ended(self, n: int, survived: bool | None) -> None:
        """Take in trial `n`, which is stored; `survived` is None if it is no evidence."""

    def as_meta(self) -> dict[str, Any] | None:
        """The decision as the store keeps it."""


@runtime_checkable
class StopCondition(Ability, Protocol):
    """A condition for the end of a campaign that is no stopping rule on one share: frozen plain data."""

    def stopper(self, store: Store) -> Stopper:
        """A stopper for a campaign into this store; it has taken in the trials that are stored already."""


def stopper_of(stop: StoppingRule | StopCondition | None, store: Store) -> Stopper:
    """The stopper for a rule, for a condition, or for a campaign without either."""
    return stop.stopper(store) if isinstance(stop, StopCondition) else RuleStopper.of(stop, store)


@dataclass(slots=True)
class RuleStopper:
    """Applies a stopping rule to a campaign; without a rule it never decides.

    Trials that end early wait here until all before them have ended: what ends first is not a fair sample.
    """

    rule: StoppingRule | None
    tally: Tally = field(default_factory=Tally)
    taken: int = 0  # trials of the list that the tally is made of
    waiting: dict[int, bool | None] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: StoppingRule | None, store: Store) -> RuleStopper:
        """A stopper that has taken in the trials that are stored already."""
        stopper = cls(rule)
        if rule is not None:
            for trial in queries.ended(store):
                stopper.ended(trial.n, success(trial.injector, trial.outcome))
        return stopper

    @property
    def decided(self) -> bool:
        """True once the rule has decided."""
        return self.tally.decision is not Decision.UNDECIDED

    def ended(self, n: int, survived: bool | None) -> None:
        """Take in trial `n`; it waits until all trials before it have ended."""
        if self.rule is None:
            return
        self.waiting[n] = survived
        while self.taken in self.waiting and not self.decided:
            self.tally = self.tally.after(self.rule, self.waiting.pop(self.taken))
            self.taken += 1

    def as_meta(self) -> dict[str, Any] | None:
        """The decision with its successes and trials, and the number of trials of the list behind it."""
        if self.rule is None:
            return None
        found = self.tally
        return {"decision": found.decision.value, "k": found.k, "n": found.n, "trials": self.taken}


def decision_line(stop: Mapping[str, Any] | None, decision: Mapping[str, Any] | None) -> str | None:
    """A line about a campaign's rule, from what the store keeps of it; None if it has none."""
    if not stop or not decision:
        return None
    counts = f"{decision['k']} of {decision['n']} survived, of the first {decision['trials']} trials"
    return f"{in_words(stop, class_name)}: {decision['decision']} ({counts})"
