"""A stopping rule applied to a campaign's trials: in the order of the list, whatever the order in which they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from faultkit.results.summary import GOLDEN
from faultkit.statistics.sequential import Decision, Progress, Rule
from faultkit.store.store import Store
from faultkit.verdict.outcomes import SURVIVED

SURVIVORS = frozenset(outcome.name for outcome in SURVIVED)


def success(injector: str, outcome: str | None) -> bool | None:
    """Whether a trial survived; None if it is no evidence: golden, void or INACTIVE."""
    if injector == GOLDEN or outcome is None or outcome == "INACTIVE":
        return None
    return outcome in SURVIVORS


class Follows(Protocol):
    """What follows a campaign and says when it may end."""

    @property
    def decided(self) -> bool:
        """Whether it may."""

    def ended(self, n: int, survived: bool | None) -> None:
        """Trial `n` is stored: whether it survived, None if it is no evidence."""

    def as_meta(self) -> dict[str, Any] | None:
        """What the store keeps of the decision."""


@runtime_checkable
class Stops(Protocol):
    """What is not a rule on one share, but ends a campaign all the same: frozen plain data."""

    def stopping(self, store: Store) -> Follows:
        """What follows a campaign into this store, with what is stored already."""


def stopping_of(stop: Rule | Stops | None, store: Store) -> Follows:
    """What follows a campaign that is to end so."""
    return stop.stopping(store) if isinstance(stop, Stops) else Stopping.of(stop, store)


@dataclass(slots=True)
class Stopping:
    """How far a campaign's rule has come. Without a rule it never decides.

    Trials that end early wait here until all before them have ended: what ends first is not a fair sample.
    """

    rule: Rule | None
    progress: Progress = field(default_factory=Progress)
    taken: int = 0  # trials of the list that the progress is made of
    waiting: dict[int, bool | None] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: Rule | None, store: Store) -> Stopping:
        """With what is stored already."""
        stopping = cls(rule)
        if rule is not None:
            for n, injector, outcome in store.query("SELECT n, injector, outcome FROM trials ORDER BY n"):
                stopping.ended(n, success(injector, outcome))
        return stopping

    @property
    def decided(self) -> bool:
        """Whether the rule has come to a decision."""
        return self.progress.decision is not Decision.UNDECIDED

    def ended(self, n: int, survived: bool | None) -> None:
        """Trial `n` is stored."""
        if self.rule is None:
            return
        self.waiting[n] = survived
        while self.taken in self.waiting and not self.decided:
            self.progress = self.progress.after(self.rule, self.waiting.pop(self.taken))
            self.taken += 1

    def as_meta(self) -> dict[str, Any] | None:
        """What the store keeps: the decision, and the successes, trials and length of list that it is made of."""
        if self.rule is None:
            return None
        found = self.progress
        return {"decision": found.decision.value, "k": found.k, "n": found.n, "trials": self.taken}


def described(stop: dict[str, Any] | None, decision: dict[str, Any] | None) -> str | None:
    """A line about a campaign's rule, from what the store keeps of it; None if it has none."""
    if not stop or not decision:
        return None
    fields = ", ".join(f"{name}={value}" for name, value in stop.items() if name != "is")
    rule = f"{stop['is'].rpartition(':')[2]}({fields})"
    counts = f"{decision['k']} of {decision['n']} survived, of the first {decision['trials']} trials"
    return f"{rule}: {decision['decision']} ({counts})"
