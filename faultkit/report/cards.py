"""The list of the dashboard's cards in reading order, and the pane of a campaign that they make.

One more card is a module with a function from a Campaign to a Card (or None for no card), an entry here, and a test;
and a template, if it shows more than charts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from markupsafe import Markup

from faultkit.model.errors import BAD_DATA
from faultkit.report import availability, comparison, detection, harm, overview, recovery, shares, trials
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card
from faultkit.report.theme import themable

Maker = Callable[[StoredCampaign], Card | None]
Row = tuple[Maker, ...]  # one card, or two beside one another, the right one wider

ANSWER: tuple[Row, ...] = ((overview.headline_card,), (overview.funnel_card, overview.outcomes_card))
FINDINGS: tuple[Row, ...] = (  # need activated faults
    (shares.shares_card,),
    (comparison.policies_card,),
    (recovery.recovery_card,),
    (recovery.phases_card,),
    (availability.availability_card,),
    (detection.detection_card,),
    (harm.crashes_card, harm.by_fault_type_card),
    (harm.by_function_card,),
)
RECORD: tuple[Row, ...] = ((trials.trials_card,), (trials.replays_card,), (trials.run_card,))


@dataclass(frozen=True, slots=True)
class Pane:
    """A part of the page: rows of cards as HTML, and the charts that the page's script draws into them, by name."""

    label: str = ""
    rows: Sequence[Sequence[Markup]] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


def campaign_pane(campaign: StoredCampaign) -> Pane:
    """The cards of one campaign."""
    rows = ANSWER + (FINDINGS if campaign.survival.n else ()) + RECORD
    return pane(campaign.label, ([partial(maker, campaign) for maker in row] for row in rows))


def glance_pane(campaigns: Sequence[StoredCampaign]) -> Pane:
    """The comparison of several campaigns; empty for a single one."""
    return pane("", [[partial(comparison.glance_card, campaigns)]])


def pane(label: str, rows: Iterable[Iterable[Callable[[], Card | None]]]) -> Pane:
    """Rows of cards; a row without any is left out."""
    made = [[found for maker in row for found in finished(maker)] for row in rows]
    figures = {name: figure for row in made for _, drawn in row for name, figure in drawn.items()}
    return Pane(label, [[html for html, _ in row] for row in made if row], figures)


def finished(maker: Callable[[], Card | None]) -> Iterator[tuple[Markup, dict[str, Any]]]:
    """A card's HTML and charts; nothing for no card. A card that a bad record spoils says so in its place."""
    try:
        card = maker()
        if card is not None:
            yield card.html(), {chart.name: themable(chart.figure) for chart in card.charts if chart}
    except BAD_DATA as reason:  # one trial must not cost the page
        yield excuse(maker, reason).html(), {}


def excuse(maker: Callable[[], Card | None], reason: Exception) -> Card:
    """The card in place of one that cannot be made."""
    name = maker.func.__name__.removesuffix("_card") if isinstance(maker, partial) else str(maker)
    text = f"{type(reason).__name__}: {reason}. All other cards are complete."
    return Card(title=f"This card cannot be shown: {name.replace('_', ' ')}", subtitle=text)
