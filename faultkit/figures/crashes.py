"""Where the kernel crashes."""

from __future__ import annotations

from math import ceil

import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import COLOURS, MOST_ROWS, PATTERNS, axis, figure, marker, names_axis
from faultkit.figures.select import faulty, named
from faultkit.model.events import Outcome


def crashes(trials: pd.DataFrame) -> go.Figure:
    """Functions in which the kernel crashed, by kind of crash; at most MOST_ROWS, most frequent on top."""
    valid = faulty(trials)
    crashed = valid[valid["outcome"] == Outcome.CRASHED.name]
    functions, kinds = named(crashed["crash_function"]), named(crashed["crash_kind"])
    totals = functions.value_counts()
    order = [str(name) for name in totals.index[:MOST_ROWS]][::-1]
    traces = []
    for i, kind in enumerate(kinds.value_counts().index):
        counts = functions[kinds == kind].value_counts()
        look = COLOURS[i % len(COLOURS)], PATTERNS[i % len(PATTERNS)]
        traces.append(bar(str(kind), order, [int(counts.get(name, 0)) for name in order], *look))
    step = max(1, ceil(int(totals.max()) / 8)) if order else 1
    return figure(
        traces, 90 + 30 * len(order) + 20 * len(traces), barmode="stack", bargap=0.35, showlegend=True,
        xaxis=axis("crashed trials", dtick=step, rangemode="tozero"), yaxis=names_axis(type="category"),
    )  # fmt: skip


def bar(name: str, places: list[str], counts: list[int], colour: str, pattern: str) -> dict[str, object]:
    """One kind of a stacked bar chart."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": places,
        "x": counts,
        "text": [str(count) if count else "" for count in counts],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "marker": marker(colour, pattern),
        "hovertemplate": f"%{{y}}<br>{name}: %{{x}}<extra></extra>",
    }
