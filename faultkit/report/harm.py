"""The cards of harm: where the kernel crashed, which functions and which types of fault do the most damage."""

from __future__ import annotations

from faultkit import figures
from faultkit.figures.heat import harm
from faultkit.figures.select import UNKNOWN, faulty, named
from faultkit.model.events import Outcome
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece, card, chart
from faultkit.statistics.rates import rate

HEATS = {"fault_type": "fault type", "function": "function"}


def crash_card(campaign: Campaign) -> Piece:
    """Where the kernel crashed."""
    title = crash_title(campaign)
    return card(
        title, chart("crashes", title, figures.crashes(campaign.trials)),
        subtitle="The function that the kernel's first report names, by kind of crash.", short="Crashes",
    )  # fmt: skip


def crash_title(campaign: Campaign) -> str:
    """In which function it crashed most."""
    crashed = campaign.faulty[campaign.faulty["outcome"] == Outcome.CRASHED.name]
    if not len(crashed):
        return f"No fault crashed the kernel: {rate(0, campaign.survival.n)}"
    functions = named(crashed["crash_function"]).value_counts()
    name, count = str(functions.index[0]), int(functions.iloc[0])
    if count == 1 < len(crashed):
        return f"{len(crashed)} crashes, each in a function of its own"
    return f"{count} of {len(crashed)} crashes happened in {name}"


def heat_card(campaign: Campaign, rows: str) -> Piece:
    """How faults ended, by a column; nothing if no trial has a value in it."""
    placed = campaign.trials[named(campaign.trials[rows]) != UNKNOWN]
    drawn = chart(f"heat-{rows}", f"outcomes by {HEATS[rows]}", figures.heat(placed, rows=rows))
    if not drawn.html:
        return Piece()
    subtitle = f"Trials by outcome and {HEATS[rows]}, shaded by share of the row; most harmful on top."
    return card(harm_title(campaign, rows), drawn, subtitle=subtitle)


def harm_title(campaign: Campaign, rows: str) -> str:
    """Which row suffers most."""
    valid = faulty(campaign.trials)
    rates = harm(valid[named(valid[rows]) != UNKNOWN], rows)
    name, most = max(rates.items(), key=lambda item: (item[1].k, item[1].share))
    if not most.k:
        return f"By {HEATS[rows]}: none ended LOST or worse"
    return f"By {HEATS[rows]}: {name} did the most harm, {most.k} of {most.n} activated ended LOST or worse"
