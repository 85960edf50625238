"""The card of replays: whether trials that were run again ran as before, alone and beside others."""

from __future__ import annotations

from collections.abc import Sequence

from faultkit.report.campaign import Campaign, Replays
from faultkit.report.markup import Piece, card, rate_cells
from faultkit.statistics.rates import rate


def replays_card(campaign: Campaign) -> Piece:
    """Shares of runs with the same outcome and the same events; nothing if none was run again."""
    if not campaign.replays:
        return Piece()
    rows = "".join(replay_row(found) for found in campaign.replays)
    table = (
        '<div class="scroll"><table class="replays"><thead><tr><th>trials at a time</th>'
        '<th class="num" colspan="3">same outcome, 95 %</th><th class="num" colspan="3">same events, bit for bit, 95 %'
        f"</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    subtitle = "Stored trials run again. More than one at a time shows whether they interfere with one another."
    return card(replays_title(campaign.replays), table, subtitle=subtitle, short="Replays")


def replays_title(replays: Sequence[Replays]) -> str:
    """How many ran bit for bit as before."""
    runs, same = sum(r.runs for r in replays), sum(r.events_agree for r in replays)
    return f"{same} of {runs} trials that were run again did the same, bit for bit"


def replay_row(found: Replays) -> str:
    """Those run with so many at a time."""
    return (
        f'<tr><th scope="row">{found.jobs}</th>{rate_cells(rate(found.outcome_agrees, found.runs))}'
        f"{rate_cells(rate(found.events_agree, found.runs))}</tr>"
    )
