"""The page's colours, light and dark, and charts whose colours follow them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from faultkit.figures.looks import NOT_OURS, PALETTE, THROUGH, translucent
from faultkit.model.events import Outcome
from faultkit.verdict.outcomes import ENTRIES

DARK = {
    "ink": "#e7e8e6", "ink-2": "#a0a6ad", "line": "#2f343a", "surface": "#1b1e22",
    "c1": "#5fb0e0", "c2": "#f0a04b", "c3": "#3fbf95", "c4": "#d58bc2", "c5": "#a0a6ad", "c6": "#b9def2",
    "heat-0": "#1f2328", "heat-1": "#3d86b3",
    **{outcome.name.lower(): entry.dark for outcome, entry in ENTRIES.items()},
}  # fmt: skip
INKS = {f"on-{outcome.name.lower()}": entry.ink for outcome, entry in ENTRIES.items()}
DARK_INKS = {f"on-{outcome.name.lower()}": entry.dark_ink or entry.ink for outcome, entry in ENTRIES.items()}
NAMES = {colour: f"--{name}" for name, colour in PALETTE.items()}
NAMES |= {translucent(colour): f"--{name}/{THROUGH}" for name, colour in PALETTE.items()}


def style() -> str:
    """The colours as custom properties of a style sheet, and a rule for each outcome; print is always light."""
    light, dark = properties({**PALETTE, **INKS}), properties({**DARK, **DARK_INKS})
    themes = f":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"
    return themes + "".join(map(rule, Outcome))


def properties(colours: Mapping[str, str]) -> str:
    """`--ink: #1d1f23; ...`"""
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def rule(outcome: Outcome) -> str:
    """The looks of elements of an outcome's class."""
    name, pattern = outcome.name.lower(), ENTRIES[outcome].pattern.css
    return f".{outcome.name} {{ background: {pattern} var(--{name}); color: var(--on-{name}); }}\n"


def themable(figure: go.Figure) -> dict[str, Any]:
    """A chart as the page's script takes it: "--ink" for a colour, "--c1/0.16" for a translucent one.

    Plotly reads texts as a kind of HTML, so all tags but ours are escaped. What is not finite becomes null.
    """
    plain = figure.to_dict()
    plain["layout"].pop("template", None)
    found: dict[str, Any] = renamed(plain)
    return found


def renamed(value: Any) -> Any:
    """The same data with names for colours, without tags of others and without numbers that JSON does not know."""
    if isinstance(value, str):
        return NAMES.get(value) or NOT_OURS.sub("&lt;", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: renamed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [renamed(item) for item in value]
    return value
