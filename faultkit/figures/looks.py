"""The looks of charts: colours that stay apart without colour vision, quiet axes, logarithmic times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from math import ceil, floor, log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from faultkit.verdict.outcomes import ENTRIES

# By name, as the dashboard's style sheet calls them; it has a dark value for each.
PALETTE: Mapping[str, str] = {
    "ink": "#1d1f23", "ink-2": "#5d6269", "line": "#e4e4df", "surface": "#ffffff",
    "c1": "#0b6aa8", "c2": "#c7630c", "c3": "#00805f", "c4": "#9b4a86", "c5": "#6b6f76", "c6": "#3aa3d6",
    "heat-0": "#f6f6f3", "heat-1": "#0d4f80",
    **{outcome.name.lower(): entry.colour for outcome, entry in ENTRIES.items()},
}  # fmt: skip
INK, QUIET, LINE, SURFACE = (PALETTE[name] for name in ("ink", "ink-2", "line", "surface"))

COLOURS = tuple(PALETTE[f"c{i}"] for i in range(1, 7))
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
PATTERNS = ("", "/", "x", ".", "-", "+")
HATCHED = {"size": 7, "solidity": 0.18, "fillmode": "overlay"}

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
THROUGH = 0.16  # opacity of bands
FLOOR_MS = 0.001  # a logarithmic axis has no zero
MOST_ROWS = 24  # of one chart
NOT_OURS = re.compile("<(?!br>|/?extra>)")


def figure(traces: Iterable[Mapping[str, Any]], height: int, **layout: Any) -> go.Figure:
    """A figure in our looks, `height` pixels high; axes are given by `axis`. Without traces, it says so."""
    drawn = list(traces)
    base: dict[str, Any] = {
        "template": "none",
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": SANS, "size": 12, "color": QUIET},
        "hoverlabel": {"bgcolor": SURFACE, "bordercolor": LINE, "font": {"color": INK}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"color": INK},
            "traceorder": "normal",
        },
        "showlegend": False,
    }  # fmt: skip
    plain = without_tags([drawn, base | layout])
    return go.Figure(data=plain[0], layout=plain[1]) if drawn else go.Figure(layout=base | NOTHING)


def without_tags(value: Any) -> Any:
    """The same data without tags of others: plotly reads texts as a kind of HTML, and makes links of names."""
    if isinstance(value, str):
        return NOT_OURS.sub("&lt;", value)
    if isinstance(value, Mapping):
        return {key: without_tags(item) for key, item in value.items()}
    if isinstance(value, (pd.Series, pd.Index, np.ndarray)):
        return without_tags(value.tolist()) if value.dtype.kind not in "biufM" else value
    return [without_tags(item) for item in value] if isinstance(value, (list, tuple)) else value


NOTHING: dict[str, Any] = {
    "xaxis": {"visible": False},
    "yaxis": {"visible": False},
    "annotations": [{"text": "nothing to draw", "showarrow": False, "font": {"size": 14}}],
}


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """A quiet axis: hairlines, no frame."""
    quiet = {
        "title": {"text": title, "font": {"size": 12}, "standoff": 10},
        "ticks": "",
        "gridcolor": LINE,
        "linecolor": LINE,
        "zeroline": False,
        "automargin": True,
    }
    return quiet | more


def names_axis(**more: Any) -> dict[str, Any]:
    """An axis of functions or other code."""
    return axis(showgrid=False, ticksuffix="  ", tickfont={"family": MONO, "color": INK}) | more


def share_axis(title: str) -> dict[str, Any]:
    """0 to 100 %."""
    return axis(title, range=[0, 102], ticksuffix=" %", dtick=25)


def ms_axis(title: str, values_ms: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis of virtual milliseconds that holds some values."""
    if not values_ms:
        return axis(title)
    low, high = min(values_ms) / 1.15, max(values_ms) * 1.15
    ticks = log_ticks(low, high)
    names = [f"{tick:g} ms" if tick < 1000 else f"{tick / 1000:g} s" for tick in ticks]
    return axis(title, type="log", range=[log10(low), log10(high)], tickvals=ticks, ticktext=names, tickangle=0)


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two bounds: powers of ten, with 2 and 5 between them, or evenly spaced ones if too few."""
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    for steps in ((1,), (1, 2, 5)):
        ticks = [tick for decade in decades for step in steps if low <= (tick := step * 10.0**decade) <= high]
        if len(ticks) >= 3:
            return ticks
    step = round_step((high - low) / 3)
    return [step * i for i in range(ceil(low / step), floor(high / step) + 1)]


def round_step(rough: float) -> float:
    """The next 1, 2 or 5 times a power of ten below."""
    power: float = 10.0 ** floor(log10(rough))
    return max(factor for factor in (1, 2, 5) if factor * power <= rough) * power


def in_ms(values: Iterable[float]) -> list[float]:
    """Nanoseconds as milliseconds fit for a logarithmic axis."""
    return [max(FLOOR_MS, round(value / 1e6, 4)) for value in values]


def thinned(values: Sequence[float], count: int) -> list[float]:
    """At most `count` of the values, evenly spaced in order; the extremes stay."""
    ordered = sorted(values)
    if len(ordered) <= count:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (count - 1))] for i in range(count)]


def marker(colour: str, pattern: str) -> dict[str, Any]:
    """The fill of a bar."""
    return {"color": colour, "pattern": {"shape": pattern, "fgcolor": SURFACE, **HATCHED}}


def translucent(colour: str) -> str:
    """A colour for areas that others must be seen through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{THROUGH})"


def series_looks(count: int) -> list[tuple[str, str, str]]:
    """Colour, symbol and dash of each of `count` series; they begin again after six."""
    forever = zip(cycle(COLOURS), cycle(SYMBOLS), cycle(DASHES), strict=False)
    return [look for look, _ in zip(forever, range(count), strict=False)]
