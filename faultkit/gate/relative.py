"""Rules that compare with an earlier campaign: `survived >= baseline - 2 %`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from faultkit.gate.answers import Answer, Ruling
from faultkit.gate.clauses import Clauses, crash_signatures, nothing, percent, too_few
from faultkit.gate.facts import Facts, Seen
from faultkit.gate.question import smallest
from faultkit.gate.shares import measure_of
from faultkit.statistics.differences import fisher, mcnemar, newcombe, tango


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoShares:
    """Successes and trials of ours and of the baseline; for pairs, also the numbers that differ."""

    ours: int
    n: int
    theirs: int
    their_n: int
    pairs: tuple[int, int] | None  # numbers of pairs of which only the baseline's, or only ours, succeeded

    def loss(self) -> float:
        """The loss: the baseline's share minus ours, as a fraction of 1."""
        return self.theirs / self.their_n - self.ours / self.n

    def bounds(self, confidence: float) -> tuple[float, float]:
        """The one-sided confidence bounds of the loss: Tango's for pairs, Newcombe's otherwise."""
        both = 2 * confidence - 1
        if self.pairs is not None:
            return tango(*self.pairs, self.n, both)
        return newcombe(self.theirs, self.their_n, self.ours, self.n, both)

    def p_value(self) -> float:
        """The two-sided p-value of no difference: McNemar's exact test for pairs, Fisher's otherwise."""
        return mcnemar(*self.pairs) if self.pairs is not None else fisher(self.theirs, self.their_n, self.ours, self.n)

    def after(self, more: int) -> TwoShares:
        """The counts after `more` further trials (or pairs) on which both succeed."""
        return TwoShares(
            ours=self.ours + more, n=self.n + more, theirs=self.theirs + more, their_n=self.their_n + more,
            pairs=self.pairs,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWorse:
    """A share of activated trials is at most `margin` worse than the baseline's.

    It passes if the confidence bound of the loss does not exceed the margin. It fails only if the loss itself exceeds
    it, and is significant: a small difference, or one that may be chance, fails nothing. If the fault lists match,
    trials are compared in pairs, of which both must have been activated.
    """

    subject: tuple[str, ...]
    at_least: bool
    margin: float  # a fraction of 1
    clauses: Clauses = field(default_factory=Clauses)

    def __str__(self) -> str:
        signs = (">=", "-") if self.at_least else ("<=", "+")
        return f"{', '.join(self.subject)} {signs[0]} baseline {signs[1]} {percent(self.margin)}{self.clauses}"

    def assess(self, facts: Facts) -> Ruling:
        """The rule's answer."""
        before = facts.baseline
        if before is None or before.unfinished or before.harness_trouble:
            state = "there is no baseline" if before is None else "the baseline is unfinished, or many of it are void"
            return Ruling(answer=Answer.INCONCLUSIVE, measured=state, reason="it takes one: --baseline RESULT")
        if facts.watched or before.watched:
            why = "these tests hold for a number of trials that is set before"
            return Ruling(answer=Answer.INCONCLUSIVE, measured="a campaign was to end when decided", reason=why)
        ours, theirs = self.activated(facts), self.activated(before, apart=facts.mismatch is None)
        if facts.mismatch is None:
            common = {trial.n for trial in ours} & {trial.n for trial in theirs}
            ours, theirs = ([t for t in trials if t.n in common] for trials in (ours, theirs))
        of = "activated trials" if facts.mismatch else "pairs of activated trials"
        if not ours or not theirs:
            return nothing(of, self.clauses.missing(facts))
        if len(ours) < (self.clauses.trials or 0):
            return too_few(of, len(ours), self.clauses.trials or 0)
        bad = [trial for trial in ours if not self.succeeds(trial)]
        return self.ruling(self.counts(ours, theirs, paired=facts.mismatch is None), of, crash_signatures(bad))

    def activated(self, facts: Facts, *, apart: bool = False) -> list[Seen]:
        """The activated trials that the rule selects; with `apart` all, as a baseline may have another policy."""
        return [trial for trial in facts.faulty(lambda t: apart or self.clauses.selects(t)) if trial.activated]

    def succeeds(self, trial: Seen) -> bool:
        """True if the trial counts as a success under this rule."""
        return measure_of(self.subject).counts(trial) is self.at_least

    def counts(self, ours: Sequence[Seen], theirs: Sequence[Seen], *, paired: bool) -> TwoShares:
        """The counts of trials in the order of their lists."""
        here, there = ([self.succeeds(trial) for trial in trials] for trials in (ours, theirs))
        pairs = None
        if paired:
            both = list(zip(here, there, strict=True))
            pairs = both.count((False, True)), both.count((True, False))
        return TwoShares(ours=sum(here), n=len(here), theirs=sum(there), their_n=len(there), pairs=pairs)

    def ruling(self, counts: TwoShares, of: str, crashes: tuple[str, ...]) -> Ruling:
        """The rule's answer for these counts."""
        sure, loss = self.clauses.level, counts.loss()
        (low, high), p_value = counts.bounds(sure), counts.p_value()
        answer = Answer.INCONCLUSIVE
        if high <= self.margin:
            answer = Answer.PASS
        elif loss > self.margin and p_value <= 1 - sure:
            answer = Answer.FAIL
        return Ruling(
            answer=answer,
            measured=self.measured(counts, of),
            reason=self.why(answer, counts, high),
            figures={
                "k": self.shown(counts.ours, counts.n), "n": counts.n,
                "baseline_k": self.shown(counts.theirs, counts.their_n), "baseline_n": counts.their_n,
                "loss": loss, "low": low, "high": high, "margin": self.margin, "p_value": p_value,
            },
            crashes=crashes,
        )  # fmt: skip

    def shown(self, successes: int, n: int) -> int:
        """The number of trials with the rule's subject, from the number of successes."""
        return successes if self.at_least else n - successes

    def measured(self, counts: TwoShares, of: str) -> str:
        """The counts in words."""
        now, before = self.shown(counts.ours, counts.n), self.shown(counts.theirs, counts.their_n)
        words = f"{now}/{counts.n} {of}, {before}/{counts.their_n} in the baseline"
        return words if counts.pairs is None else f"{words}; worse in {counts.pairs[0]}, better in {counts.pairs[1]}"

    def why(self, answer: Answer, counts: TwoShares, high: float) -> str:
        """The reason for an answer, in words."""
        sure, margin = self.clauses.level, percent(self.margin)
        p_value, loss = f"p = {counts.p_value():.2g}", f"{100 * counts.loss():.2f} %"
        bound = f"the upper bound of the loss {100 * high:.2f} % (one-sided, {percent(sure)})"
        if answer is Answer.PASS:
            return f"{bound} is not above {margin}"
        if answer is Answer.FAIL:
            return f"it is {loss} worse, more than {margin}, and that is significant ({p_value})"
        more = smallest(lambda more: counts.after(more).bounds(sure)[1] <= self.margin)
        best = f"{more} more would pass if all went well" if more else "it would take more than a million to pass"
        return f"{bound} is above {margin}, but {p_value}; {best}"
