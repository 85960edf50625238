"""The card of availability: an estimate from the recovery times, by the reader's own fault rate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from faultkit import figures
from faultkit.figures.availability import DAY_S
from faultkit.figures.select import activated, named
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card, Chart
from faultkit.results.availability import ASSUMPTIONS, Downtime, downtime

BETWEEN_S = 30 * DAY_S
REPAIR_S = 300.0
TITLE = "With your fault rate: how long the service would be down"


@dataclass(frozen=True, slots=True)
class Slider:
    """A value that the reader chooses: the decimal logarithms of its bounds and of its start, in seconds."""

    text: str
    name: str
    low: float
    high: float
    value: float


SLIDERS = (
    Slider("an active fault every", "between", 3.556, 7.499, 6.4137),
    Slider("repair by hand takes", "repair", 1.0, 4.937, 2.477),
)


def availability_card(campaign: StoredCampaign) -> Card:
    """An estimate of availability by policy, with two sliders."""
    active = activated(campaign.trials)
    rows = [policy_row(str(policy), downtime(rows)) for policy, rows in active.groupby(named(active["policy"]))]
    return Card(
        title=TITLE,
        subtitle="An estimate, no measurement: it assumes",
        short="Availability",
        charts=[Chart("availability", figures.availability(campaign.trials, repair_s=REPAIR_S), TITLE)],
        template="availability.html.j2",
        values={"sliders": SLIDERS, "rows": rows, "assumptions": ASSUMPTIONS},
    )


def policy_row(policy: str, cost: Downtime) -> Mapping[str, str]:
    """The cells of one policy, and the numbers from which the page's script computes them anew."""
    numbers = {"back_s": cost.back_s, "gone": [cost.gone.low, cost.gone.share, cost.gone.high]}
    return {
        "policy": policy,
        "cost": json.dumps(numbers),
        "gone": cost.gone.counts,
        "outage": f"{cost.back_s:.3g} s",
        "availability": f"{100 * cost.availability(BETWEEN_S, REPAIR_S):.5f} %",
        "yearly": f"{cost.yearly_s(BETWEEN_S, REPAIR_S):.0f} s",
    }
