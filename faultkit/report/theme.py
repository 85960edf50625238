"""The page's colours, light and dark, and charts whose colours follow them."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from faultkit.figures.looks import PALETTE, THROUGH, translucent

DARK = {
    "ink": "#e7e8e6", "ink-2": "#a0a6ad", "line": "#2f343a", "surface": "#1b1e22",
    "c1": "#5fb0e0", "c2": "#f0a04b", "c3": "#3fbf95", "c4": "#d58bc2", "c5": "#a0a6ad", "c6": "#b9def2",
    "heat-0": "#1f2328", "heat-1": "#3d86b3",
    "inactive": "#474c53", "masked": "#8cbfd8", "recovered": "#3a83b5", "disrupted": "#e3c25a",
    "lost": "#e09148", "hung": "#cf5733", "crashed": "#b5283f", "corrupt": "#8b4a9c",
}  # fmt: skip
NAMES = {colour: f"--{name}" for name, colour in PALETTE.items()}
NAMES |= {translucent(colour): f"--{name}/{THROUGH}" for name, colour in PALETTE.items()}


def style() -> str:
    """The colours as custom properties of a style sheet; print is always light."""
    light, dark = (properties(palette) for palette in (PALETTE, DARK))
    return f":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"


def properties(palette: Any) -> str:
    """`--ink: #1d1f23; ...`"""
    return " ".join(f"--{name}: {colour};" for name, colour in palette.items())


def themable(figure: go.Figure) -> dict[str, Any]:
    """A chart as the page's script takes it: "--ink" for a colour, "--c1/0.16" for a translucent one."""
    plain = figure.to_dict()
    plain["layout"].pop("template", None)
    found: dict[str, Any] = renamed(plain)
    return found


def renamed(value: Any) -> Any:
    """The same data with names for colours."""
    if isinstance(value, str):
        return NAMES.get(value, value)
    if isinstance(value, dict):
        return {key: renamed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [renamed(item) for item in value]
    return value
