"""The card of availability: what the recovery times would mean, by the reader's own fault rate."""

from __future__ import annotations

import json
from html import escape

from faultkit import figures
from faultkit.figures.availability import DAY_S
from faultkit.figures.select import activated, named
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece, beside, card, chart
from faultkit.results.availability import ASSUMPTIONS, Downtime, downtime

BETWEEN_S = 30 * DAY_S
REPAIR_S = 300.0


def availability_card(campaign: Campaign) -> Piece:
    """An estimate of availability by policy, with two sliders."""
    active = activated(campaign.trials)
    costs = {str(policy): downtime(rows) for policy, rows in active.groupby(named(active["policy"]))}
    title = "With your fault rate: how long the service would be down"
    drawn = chart("availability", title, figures.availability(campaign.trials, repair_s=REPAIR_S))
    table = f"{sliders()}{table_of(costs)}<ul class='assumptions'>{''.join(f'<li>{a}</li>' for a in ASSUMPTIONS)}</ul>"
    return card(title, beside(drawn, table), subtitle="An estimate, no measurement: it assumes", short="Availability")


def sliders() -> str:
    """Mean time between activated faults, and the time of a repair by hand; both on a logarithmic scale."""
    return "".join(
        f'<label class="slider"><span>{text}</span><input type="range" name="{name}" min="{low}" max="{high}" '
        f'step="0.02" value="{value}"><output></output></label>'
        for text, name, low, high, value in (
            ("an active fault every", "between", 3.556, 7.499, 6.4137),
            ("repair by hand takes", "repair", 1.0, 4.937, 2.477),
        )
    )


def table_of(costs: dict[str, Downtime]) -> str:
    """A row per policy; the page's script computes the last three cells anew when a slider moves."""
    rows = "".join(row(policy, cost) for policy, cost in costs.items())
    return (
        '<div class="scroll"><table class="availability"><thead><tr><th>policy</th><th class="num">LOST or worse</th>'
        '<th class="num">outage else</th><th class="num">availability</th><th class="num">down a year</th>'
        f'<th class="num">range</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def row(policy: str, cost: Downtime) -> str:
    """One policy."""
    data = {"back_s": cost.back_s, "gone": [cost.gone.low, cost.gone.share, cost.gone.high]}
    return (
        f'<tr data-cost="{escape(json.dumps(data))}"><th scope="row">{escape(policy)}</th>'
        f'<td class="num">{cost.gone.counts}</td><td class="num">{cost.back_s:.3g} s</td>'
        f'<td class="num strong">{100 * cost.availability(BETWEEN_S, REPAIR_S):.5f} %</td>'
        f'<td class="num">{cost.yearly_s(BETWEEN_S, REPAIR_S):.0f} s</td><td class="num quiet"></td></tr>'
    )
