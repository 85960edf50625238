"""Availability that recovery would give."""

from __future__ import annotations

from math import log10

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import axis, figure, series_looks, translucent
from faultkit.figures.select import activated, named
from faultkit.results.availability import Downtime, downtime

HOUR_S, DAY_S = 3_600.0, 86_400.0
BETWEEN = {"1 h": HOUR_S, "1 d": DAY_S, "1 week": 7 * DAY_S, "30 d": 30 * DAY_S, "1 year": 365.25 * DAY_S}
DOWN = {"1 s": 1.0, "1 min": 60.0, "1 h": HOUR_S, "1 d": DAY_S, "30 d": 30 * DAY_S}
POINTS = 40


def availability(trials: pd.DataFrame, by: str = "policy", repair_s: float = 300.0) -> go.Figure:
    """Downtime in a year against the time between activated faults, a line for each value of the column `by`.

    A fault that ended LOST or worse is repaired by hand in `repair_s` seconds. The band is that of the exact interval
    of their share. All assumptions: `faultkit.results.availability`.
    """
    active = activated(trials)
    costs = {str(value): downtime(rows) for value, rows in active.groupby(named(active[by]))}
    traces = [
        trace
        for (value, cost), look in zip(costs.items(), series_looks(len(costs)), strict=True)
        for trace in lines(value, cost, repair_s, look)
    ]
    return figure(
        traces, 340, showlegend=True,
        xaxis=time_axis("mean time between activated faults", BETWEEN), yaxis=time_axis("down in a year", DOWN),
    )  # fmt: skip


def time_axis(title: str, ticks: dict[str, float]) -> dict[str, object]:
    """A logarithmic axis of seconds with names for some of them."""
    low, high = min(ticks.values()), max(ticks.values())
    ends = [log10(low), log10(high)]
    return axis(title, type="log", range=ends, tickvals=[*ticks.values()], ticktext=[*ticks])


def lines(name: str, cost: Downtime, repair_s: float, look: tuple[str, str, str]) -> list[dict[str, object]]:
    """The line of one value, and its band."""
    colour, symbol, dash = look
    x = [float(value) for value in np.geomspace(HOUR_S, 365.25 * DAY_S, POINTS)]

    def down(share: float | None = None) -> list[float]:
        return [round(cost.yearly_s(between, repair_s, share), 4) for between in x]

    band = {
        "type": "scatter", "mode": "lines", "x": x, "showlegend": False, "hoverinfo": "skip",
        "line": {"width": 0, "color": colour},
    }  # fmt: skip
    return [
        band | {"y": down(cost.gone.low)},
        band | {"y": down(cost.gone.high), "fill": "tonexty", "fillcolor": translucent(colour)},
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": down(),
            "line": {"color": colour, "dash": dash},
            "marker": {"symbol": symbol, "size": 8, "color": colour, "maxdisplayed": 6},
            "hovertemplate": f"{name}: %{{y:.3g}} s a year<extra></extra>",
        },
    ]  # fmt: skip
