"""The first cards: the answer in a sentence, the funnel, and the outcomes."""

from __future__ import annotations

from dataclasses import dataclass

from faultkit.figures.funnel import stages
from faultkit.model.events import Outcome
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card
from faultkit.results.summary import GOLDEN, by, false_positives
from faultkit.statistics.rates import Rate, rate
from faultkit.verdict.outcomes import ENTRIES, FAILED


def headline_card(campaign: StoredCampaign) -> Card:
    """The experiment's question, and the answer in a sentence."""
    question, _, expected = str(campaign.meta.get("question") or "").strip().partition("\n")
    return Card(
        title=question or campaign.name,
        template="headline.html.j2",
        values={
            "label": campaign.label,
            "expected": " ".join(expected.split()),
            "worst": campaign.worst.name if campaign.survival.n else "",
            "verdict": verdict(campaign),
            "golden": golden_sentence(golden(campaign), false_positives(campaign.store)),
        },
    )


def verdict(campaign: StoredCampaign) -> str:
    """The campaign in one sentence."""
    survived, worst = campaign.survival, campaign.worst
    if not len(campaign.trials):
        return "No trial has ended yet."
    if not survived.n:
        return "No fault was activated, so this campaign says nothing about the driver."
    share = f"{survived.k} of {survived.n} activated faults were masked or recovered, {survived.percent} "
    if worst <= Outcome.RECOVERED:
        return f"{share}{survived.interval}; nothing worse was seen."
    return f"{share}{survived.interval}; the worst outcome was {worst.name}, {times(campaign.outcomes[worst.name])}."


def times(count: int) -> str:
    """A frequency in words, as far as English has them."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def golden(campaign: StoredCampaign) -> int:
    """Valid trials without a fault."""
    return sum(by(campaign.store, "injector").get(GOLDEN, {}).values())


def golden_sentence(trials: int, unclean: int) -> str:
    """The evidence of the fault-free trials about the instrument."""
    if not trials:
        return "There were no golden trials, so false alarms would go unnoticed."
    if not unclean:
        return f"All {trials} golden trials were clean: no detection, no recovery, no error without a fault."
    return (
        f"{unclean} of {trials} golden trials were not clean: they show a detection, "
        "a recovery or an error without a fault."
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """One bar of the funnel."""

    name: str
    count: int
    width: float  # percent of the planned
    share: str  # of the stage before


def funnel_card(campaign: StoredCampaign) -> Card:
    """From planned to recovered as shrinking bars, and the void ones apart."""
    counts = stages(campaign.trials, campaign.accounting["planned"])
    before = dict(zip([*counts][1:], counts, strict=False))
    found = [
        Stage(name, count, width(count, counts["planned"]), share_of(count, before.get(name), counts))
        for name, count in counts.items()
    ]
    void = campaign.accounting["void"]
    return Card(
        title=f"{counts['manifested']} of {counts['injected']} injected faults led to an error that could be seen",
        template="funnel.html.j2",
        values={"stages": [*found, Stage("void", void, width(void, counts["planned"]), "")], "gap": gap(campaign)},
    )


def width(count: int, planned: int) -> float:
    """The length of a bar in percent."""
    return round(100 * count / planned, 2) if planned else 0


def share_of(count: int, before: str | None, counts: dict[str, int]) -> str:
    """`95.0 % [93.1, 96.5] of planned`; empty for the first stage, and where the stage before is empty."""
    if before is None or not counts[before]:
        return ""
    share = rate(min(count, counts[before]), counts[before])
    return f"{share.percent} {share.interval} of {before}"


def gap(campaign: StoredCampaign) -> str:
    """The fate of the planned trials that were not injected."""
    planned, injected = campaign.accounting["planned"], campaign.accounting["injected"]
    void, fault_free = campaign.accounting["void"], golden(campaign)
    to_come = max(0, planned - len(campaign.trials))
    parts = [f"{fault_free} golden", f"{void} void", f"{to_come} not run yet"]
    never = planned - injected - fault_free - void - to_come
    return f"Planned but not injected: {', '.join(parts)}, {max(0, never)} whose trigger never fired."


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One outcome of the table."""

    name: str
    meaning: str
    count: int
    share: Rate | None  # of the activated; None for INACTIVE, which is no part of them


def outcomes_card(campaign: StoredCampaign) -> Card:
    """Every outcome with its meaning, its number of trials and its share of the activated."""
    counts, n = campaign.outcomes, campaign.survival.n
    rows = [
        OutcomeRow(
            outcome.name,
            ENTRIES[outcome].meaning,
            counts[outcome.name],
            None if outcome is Outcome.INACTIVE else rate(counts[outcome.name], n),
        )
        for outcome in Outcome
    ]
    failed = sum(counts[outcome.name] for outcome in FAILED)
    return Card(
        title=f"{failed} of {n} activated faults ended LOST or worse",
        short="Outcomes",
        template="outcomes.html.j2",
        values={"counts": counts, "rows": rows},
    )
