"""Pairs of trials, outcome against outcome."""

from __future__ import annotations

import plotly.graph_objects as go

from faultkit.figures.looks import INK, PALETTE, axis, figure
from faultkit.model.events import Outcome
from faultkit.results.compare import Comparison


def pairs(comparison: Comparison) -> go.Figure:
    """Pairs by the outcome of the first (a row each) and of the second (a column), shaded by count.

    What lies on the diagonal ended alike; to the right of it the second did worse. Empty for what is not paired.
    """
    counts = comparison.outcomes
    seen = {outcome for pair in counts for outcome in pair}
    shown = [outcome for outcome in Outcome if outcome in seen]
    names = [outcome.name for outcome in shown]
    table = [[counts.get((row, column), 0) for column in shown] for row in shown[::-1]]
    trace = {
        "type": "heatmap", "x": names, "y": names[::-1], "z": table, "xgap": 2, "ygap": 2, "showscale": False,
        "text": [[str(count) if count else "" for count in row] for row in table], "texttemplate": "%{text}",
        "colorscale": [[0, PALETTE["heat-0"]], [1, PALETTE["heat-1"]]],
        "hovertemplate": "first %{y}, second %{x}: %{z} pairs<extra></extra>",
    }  # fmt: skip
    return figure(
        [trace] if names else [], 130 + 30 * len(names),
        xaxis=axis(f"second: {comparison.second}", showgrid=False, tickangle=-30),
        yaxis=axis(f"first: {comparison.first}", showgrid=False, ticksuffix="  ", tickfont={"color": INK}),
    )  # fmt: skip
