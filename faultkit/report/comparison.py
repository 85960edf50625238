"""The cards of comparisons: policies within a campaign, campaigns with one another; in pairs where lists match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from faultkit import figures
from faultkit.model.errors import UsageError
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card, Chart
from faultkit.report.shares import GroupShare
from faultkit.results.compare import Comparison, between, within
from faultkit.store.store import Store
from faultkit.tables.comparison_table import sentences

SIGNIFICANT = 0.05
MOST_PAIRS = 6  # of campaigns that are compared


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """One comparison: a chart of outcome against outcome if trials are paired, and the test in words."""

    first: str
    second: str
    chart: Chart
    lines: Sequence[str]


def policies_card(campaign: StoredCampaign) -> Card | None:
    """The policies of one campaign, fault by fault; None if no faults met two of them."""
    try:
        found = within(campaign.store, "policy")
    except UsageError:
        return None
    return card(title(found[0]), "policies", found, subtitle="The same faults under two policies.", short="Policies")


def glance_card(campaigns: Sequence[StoredCampaign]) -> Card | None:
    """Several campaigns side by side, each two compared; None for a single one."""
    if len(campaigns) < 2:
        return None
    groups = [GroupShare(campaign.label, campaign.outcomes) for campaign in campaigns]
    found = list(pairwise([campaign.path for campaign in campaigns][:4]))[:MOST_PAIRS]
    return card("Campaigns at a glance", "campaigns", found, groups)


def card(title: str, name: str, found: Sequence[Comparison], groups: Sequence[GroupShare] = (), **texts: str) -> Card:
    """Comparisons below one another, under the table of what they compare."""
    pairs = [pair(f"{name}-{i}", comparison) for i, comparison in enumerate(found)]
    return Card(
        title=title,
        charts=[pair.chart for pair in pairs],
        template="comparison.html.j2",
        values={"campaigns": groups, "pairs": pairs},
        **texts,
    )


def pair(name: str, comparison: Comparison) -> ComparisonView:
    """The chart and the sentences of one comparison."""
    first, second = comparison.first, comparison.second
    chart = Chart(name, figures.pairs(comparison), f"{first} against {second}")
    return ComparisonView(first, second, chart, [*sentences(comparison)])


def pairwise(paths: Sequence[Path]) -> Iterator[Comparison]:
    """Each two campaigns compared."""
    for one, two in combinations(paths, 2):
        with Store.open(one) as first, Store.open(two) as second:
            yield between(first, second)


def title(comparison: Comparison) -> str:
    """The policy that survives more, if one can be told."""
    if not comparison.survived[0].n or comparison.p_value >= SIGNIFICANT:
        return f"No difference can be told between {comparison.first} and {comparison.second}"
    better, worse = (comparison.first, comparison.second)
    if comparison.difference < 0:
        better, worse = worse, better
    return f"{better} survives {abs(100 * comparison.difference):.1f} points more than {worse}"
