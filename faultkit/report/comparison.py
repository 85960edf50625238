"""The cards of comparisons: policies within a campaign, campaigns with one another; in pairs where lists match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import combinations
from pathlib import Path

from faultkit import figures
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece, beside, card, chart, joined
from faultkit.report.overview import share_row, shares_table
from faultkit.results.compare import Comparison, between
from faultkit.store.store import Store
from faultkit.tables.comparison_table import said

SIGNIFICANT = 0.05
MOST_PAIRS = 6  # of campaigns that are compared


def policies_card(campaign: Campaign) -> Piece:
    """The policies of one campaign, fault by fault; nothing if no faults were met by two of them."""
    if not campaign.by_policy:
        return Piece()
    body = joined(compared(f"policies-{i}", found) for i, found in enumerate(campaign.by_policy))
    return card(title(campaign.by_policy[0]), body, subtitle="The same faults under two policies.", short="Policies")


def glance(campaigns: Sequence[Campaign]) -> Piece:
    """Several campaigns side by side, each two compared; nothing for a single one."""
    if len(campaigns) < 2:
        return Piece()
    rows = "".join(share_row(f'<a href="#c{i}">{escape(c.label)}</a>', c.outcomes) for i, c in enumerate(campaigns))
    table = shares_table("campaign", f"<tbody>{rows}</tbody>")
    found = list(pairwise([campaign.path for campaign in campaigns][:4]))[:MOST_PAIRS]
    body = joined(compared(f"campaigns-{i}", comparison) for i, comparison in enumerate(found))
    return card("Campaigns at a glance", table, body)


def pairwise(paths: Sequence[Path]) -> Iterator[Comparison]:
    """Each two campaigns compared."""
    for one, two in combinations(paths, 2):
        with Store.open(one) as first, Store.open(two) as second:
            yield between(first, second)


def title(comparison: Comparison) -> str:
    """Who survives more, if that can be said."""
    if not comparison.survived[0].n or comparison.p_value >= SIGNIFICANT:
        return f"No difference can be told between {comparison.first} and {comparison.second}"
    better, worse = (comparison.first, comparison.second)
    if comparison.difference < 0:
        better, worse = worse, better
    return f"{better} survives {abs(100 * comparison.difference):.1f} points more than {worse}"


def compared(name: str, comparison: Comparison) -> Piece:
    """One comparison: outcome against outcome for pairs, and the test."""
    drawn = chart(name, f"{comparison.first} against {comparison.second}", figures.pairs(comparison))
    lines = "".join(f"<li>{escape(line)}</li>" for line in said(comparison))
    heading = f"{escape(comparison.first)} (first) against {escape(comparison.second)} (second)"
    return beside(drawn, f'<h3>{heading}</h3><ul class="said">{lines}</ul>')
