"""The end of a campaign as soon as its gate is decided.

All rules are asked after every ten trials, always about the first trials of the list, whatever the order in which
trials end. Shares and times are tested by methods that allow for repeated looks (`faultkit.statistics.sequential`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from faultkit.gate.answers import Answer
from faultkit.gate.assess import assess, overall
from faultkit.gate.facts import Facts, Seen, compared, seen
from faultkit.gate.relative import NotWorse
from faultkit.gate.sources import Named, of_lines
from faultkit.model.errors import UsageError
from faultkit.statistics.sequential import Decision
from faultkit.store import queries
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
    """The stop condition "all rules of a gate are decided"; plain data that the store keeps and resuming compares."""

    rules: tuple[str, ...]
    known: tuple[str, ...] = ()  # crash signatures

    def stopper(self, store: Store) -> GateStopper:
        """A stopper for a campaign into this store; it has taken in the trials that are stored already."""
        stopper = GateStopper(store, of_lines(self.rules, "").rules, self.known)
        for n in sorted(store.done_for_good()):
            stopper.ended(n, None)
        return stopper


@dataclass(slots=True)
class GateStopper:
    """Decides when a campaign may stop, by asking its gate after every ten trials."""

    store: Store
    rules: tuple[Named, ...]
    known: tuple[str, ...]
    taken: int = 0  # the first trials of the list, all of which have ended
    looked: int = 0  # the value of `taken` at the last look
    seen: list[Seen] = field(default_factory=list)  # the valid trials before the last look
    waiting: set[int] = field(default_factory=set)
    answer: Answer = Answer.INCONCLUSIVE

    @property
    def decided(self) -> bool:
        """True once all rules are met, or one is not."""
        return self.answer is not Answer.INCONCLUSIVE

    def ended(self, n: int, survived: bool | None) -> None:
        """Take in trial `n`; its verdict is read from the store."""
        self.waiting.add(n)
        while self.taken in self.waiting:
            self.waiting.remove(self.taken)
            self.taken += 1
        while self.taken >= self.looked + EVERY and not self.decided:
            self.look(self.looked + EVERY)

    def look(self, trials: int) -> None:
        """Ask all rules about the first `trials` of the list; only the new ones are read."""
        self.seen += map(seen, queries.judged(self.store, first=self.looked, below=trials))
        self.looked = trials
        self.answer = overall(line.ruling.answer for line in assess(self.rules, self.facts()))

    def facts(self) -> Facts:
        """The facts of the list up to the last look, as if the list ended there."""
        planned, void = self.store.meta().planned, self.looked - len(self.seen)
        facts = Facts(
            trials=tuple(self.seen), planned=planned or self.looked, void=void, watched=True, decided=True
        )  # fmt: skip
        return compared(facts, known=self.known)

    def as_meta(self) -> dict[str, Any]:
        """The decision as the store keeps it, with survivors, activated trials and the number of trials behind it."""
        if self.taken > self.looked and not self.decided:
            self.look(self.taken)
        activated = [trial for trial in self.facts().trials if trial.activated]
        survived = sum(trial.outcome in SURVIVED for trial in activated)
        return {"decision": DECISIONS[self.answer].value, "k": survived, "n": len(activated), "trials": self.looked}


def refuse_undecidable(rules: Sequence[Named]) -> None:
    """Refuse rules whose test does not allow for repeated looks. Raises: UsageError."""
    for named in rules:
        if isinstance(named.rule, NotWorse):
            raise UsageError(f"--until-decided: rule '{named.rule}' needs a number of trials that is set before")
