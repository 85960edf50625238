"""The cards of harm: crashes by function, and outcomes by function and by type of fault."""

from __future__ import annotations

from faultkit import figures
from faultkit.figures.harm import harm
from faultkit.figures.select import UNKNOWN, faulty, named
from faultkit.model.events import Outcome
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card, Chart
from faultkit.statistics.rates import rate

HEATS = {"fault_type": "fault type", "function": "function"}


def crashes_card(campaign: StoredCampaign) -> Card:
    """Crashes by function and kind."""
    title = crash_title(campaign)
    return Card(
        title=title,
        subtitle="The function that the kernel's first report names, by kind of crash.",
        short="Crashes",
        charts=[Chart("crashes", figures.crashes(campaign.trials), title)],
    )


def crash_title(campaign: StoredCampaign) -> str:
    """The function with the most crashes."""
    crashed = campaign.faulty[campaign.faulty["outcome"] == Outcome.CRASHED.name]
    if not len(crashed):
        return f"No fault crashed the kernel: {rate(0, campaign.survival.n)}"
    functions = named(crashed["crash_function"]).value_counts()
    name, count = str(functions.index[0]), int(functions.iloc[0])
    if count == 1 < len(crashed):
        return f"{len(crashed)} crashes, each in a function of its own"
    return f"{count} of {len(crashed)} crashes happened in {name}"


def by_fault_type_card(campaign: StoredCampaign) -> Card | None:
    """Outcomes by type of fault."""
    return heat(campaign, "fault_type")


def by_function_card(campaign: StoredCampaign) -> Card | None:
    """Outcomes by the function that the fault lies in."""
    return heat(campaign, "function")


def heat(campaign: StoredCampaign, rows: str) -> Card | None:
    """Outcomes by a column; None if no trial has a value in it."""
    placed = campaign.trials[named(campaign.trials[rows]) != UNKNOWN]
    chart = Chart(f"heat-{rows}", figures.heat(placed, rows=rows), f"outcomes by {HEATS[rows]}")
    if not chart:
        return None
    subtitle = f"Trials by outcome and {HEATS[rows]}, shaded by share of the row; most harmful on top."
    return Card(title=harm_title(campaign, rows), subtitle=subtitle, charts=[chart])


def harm_title(campaign: StoredCampaign, rows: str) -> str:
    """The row that suffers most."""
    valid = faulty(campaign.trials)
    rates = harm(valid[named(valid[rows]) != UNKNOWN], rows)
    name, most = max(rates.items(), key=lambda item: (item[1].k, item[1].share))
    if not most.k:
        return f"By {HEATS[rows]}: none ended LOST or worse"
    return f"By {HEATS[rows]}: {name} did the most harm, {most.k} of {most.n} activated ended LOST or worse"
