"""A campaign that ends as soon as its gate is decided, and no sooner than that, or than its list.

All rules are asked again after each few trials, always of the first trials of the list, whatever the order in which
trials end. Shares and times are held to tests that allow for being looked at (`faultkit.statistics.sequential`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from faultkit.gate.answers import Answer
from faultkit.gate.assess import assess, overall
from faultkit.gate.facts import Facts, compared, facts_of
from faultkit.gate.relative import NotWorse
from faultkit.gate.sources import Named, of_lines
from faultkit.model.errors import UsageError
from faultkit.statistics.sequential import Decision
from faultkit.store.store import Store
from faultkit.verdict.outcomes import SURVIVED

EVERY = 10  # trials from one look to the next
DECISIONS = {
    Answer.PASS: Decision.ABOVE,
    Answer.FAIL: Decision.BELOW,
    Answer.INCONCLUSIVE: Decision.UNDECIDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilDecided:
    """The rules of a gate, as what ends a campaign. Plain data: the store keeps it, and resuming compares it."""

    rules: tuple[str, ...]
    known: tuple[str, ...] = ()  # crash signatures

    def stopping(self, store: Store) -> Looks:
        """What follows a campaign into this store, with what is stored already."""
        looks = Looks(store, of_lines(self.rules, "").rules, self.known)
        for n in sorted(store.done()):
            looks.ended(n, None)
        return looks


@dataclass(slots=True)
class Looks:
    """How far a campaign has come, and what its gate said the last time it was asked."""

    store: Store
    rules: tuple[Named, ...]
    known: tuple[str, ...]
    taken: int = 0  # trials from the beginning of the list that have all ended
    looked: int = 0  # how many they were at the last look
    waiting: set[int] = field(default_factory=set)
    answer: Answer = Answer.INCONCLUSIVE

    @property
    def decided(self) -> bool:
        """Whether every rule is met, or one is not."""
        return self.answer is not Answer.INCONCLUSIVE

    def ended(self, n: int, survived: bool | None) -> None:
        """Trial `n` is stored; what it came to is read from there."""
        self.waiting.add(n)
        while self.taken in self.waiting:
            self.waiting.remove(self.taken)
            self.taken += 1
        while self.taken >= self.looked + EVERY and not self.decided:
            self.look(self.looked + EVERY)

    def look(self, trials: int) -> None:
        """Ask all rules of so many trials."""
        self.looked = trials
        self.answer = overall(line.ruling.answer for line in assess(self.rules, self.facts()))

    def facts(self) -> Facts:
        """The beginning of the list, up to the last look, as if it were all of it."""
        facts = facts_of(self.store)
        first = tuple(trial for trial in facts.trials if trial.n < self.looked)
        void = self.looked - len(first)
        return compared(replace(facts, trials=first, void=void, watched=True, decided=True), known=self.known)

    def as_meta(self) -> dict[str, Any]:
        """What the store keeps: the decision, and the survivors, activated trials and length of list behind it."""
        if self.taken > self.looked and not self.decided:
            self.look(self.taken)
        activated = [trial for trial in self.facts().trials if trial.activated]
        survived = sum(trial.outcome in SURVIVED for trial in activated)
        return {"decision": DECISIONS[self.answer].value, "k": survived, "n": len(activated), "trials": self.looked}


def refuse_undecidable(rules: Sequence[Named]) -> None:
    """Raises: UsageError for a rule whose test does not allow for being looked at."""
    for named in rules:
        if isinstance(named.rule, NotWorse):
            raise UsageError(f"--until-decided: rule '{named.rule}' needs a number of trials that is set before")
