"""The file itself: style, data, plotly and scripts in one page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from faultkit.figures.looks import PALETTE
from faultkit.model.events import Outcome
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece
from faultkit.report.theme import DARK, style, themable

SCRIPTS = ("elements.js", "charts.js", "timeline.js", "trial.js", "trials.js", "availability.js", "start.js")


@dataclass(frozen=True, slots=True)
class Section:
    """One campaign on the page: its HTML, and the data that the page's scripts draw from."""

    campaign: Campaign
    html: str
    data: dict[str, Any]


def page(sections: Sequence[Section], glance: Piece, reload_s: float | None) -> str:
    """The whole file; `glance` stands above the campaigns."""
    campaigns = [section.campaign for section in sections]
    panes = "".join(f'<main class="campaign" id="c{i}">{s.html}</main>' for i, s in enumerate(sections))
    data = {
        "themes": {"light": dict(PALETTE), "dark": DARK},
        "outcomes": [outcome.name for outcome in Outcome],
        "reload_s": reload_s,
        "glance": {"figures": themed(glance)},
        "campaigns": [section.data for section in sections],
    }
    return Template(resource("page.html")).substitute(
        title=escape(" · ".join(campaign.name for campaign in campaigns)),
        style=style() + resource("style.css"),
        tabs=tabs(campaigns),
        glance=glance.html,
        campaigns=panes,
        data=embedded(data),
        plotly=get_plotlyjs(),
        script="\n".join(resource(name) for name in SCRIPTS),
    )


def themed(piece: Piece) -> dict[str, Any]:
    """The charts of a piece as the page's scripts take them, by name."""
    return {name: themable(figure) for name, figure in piece.charts.items()}


def tabs(campaigns: Sequence[Campaign]) -> str:
    """Links that choose the campaign; nothing for a single one."""
    if len(campaigns) < 2:
        return ""
    links = "".join(f'<a href="#c{i}">{escape(campaign.label)}</a>' for i, campaign in enumerate(campaigns))
    return f'<nav class="tabs" aria-label="campaigns">{links}</nav>'


def resource(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def embedded(data: Any) -> str:
    """JSON that may stand in a script element, whatever its strings hold."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
