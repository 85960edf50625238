"""The file itself: style, data, plotly and scripts in one page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from faultkit.figures.looks import PALETTE
from faultkit.model.events import Outcome
from faultkit.report.card import rendered
from faultkit.report.cards import Pane
from faultkit.report.theme import DARK, style

SCRIPTS = ("elements.js", "charts.js", "timeline.js", "trial.js", "trials.js", "availability.js", "start.js")


def html_page(
    title: str, panes: Sequence[Pane], data: Sequence[Mapping[str, Any]], glance: Pane, reload_s: float | None
) -> str:
    """The whole file; `data` of a campaign is what the page's scripts read, `glance` stands above the campaigns."""
    everything = {
        "themes": {"light": dict(PALETTE), "dark": DARK},
        "outcomes": [outcome.name for outcome in Outcome],
        "reload_s": reload_s,
        "glance": {"figures": glance.figures},
        "campaigns": [{**of, "figures": pane.figures} for of, pane in zip(data, panes, strict=True)],
    }
    return (
        rendered(
            "page.html.j2",
            title=title,
            style=trusted(style() + resource("style.css")),
            glance=glance,
            panes=panes,
            data=trusted(json_text(everything)),
            plotly=trusted(get_plotlyjs()),
            script=trusted("\n".join(resource(name) for name in SCRIPTS)),
        )
        + "\n"
    )


def resource(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def trusted(text: str) -> Markup:
    """Text that stands in a script or style element: it is ours, or `json_text` has made it."""
    return Markup(text)  # noqa: S704


def json_text(data: Any) -> str:
    """JSON that may stand in a script element, whatever its strings hold."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
