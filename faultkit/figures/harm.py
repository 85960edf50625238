"""The harm of faults: crashes by function, and outcomes by any column."""

from __future__ import annotations

from math import ceil

import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import COLOURS, MOST_ROWS, PALETTE, PATTERNS, axis, figure, marker, names_axis
from faultkit.figures.select import faulty, named
from faultkit.model.events import Outcome
from faultkit.statistics.rates import Rate, rate


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
    """The bars of one kind of crash in a stacked bar chart."""
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


def harm(trials: pd.DataFrame, rows: str) -> dict[str, Rate]:
    """Value of the column `rows` -> faults that ended LOST or worse, of those activated; most harmful first."""
    valid = faulty(trials)
    active = valid[valid["outcome"] > Outcome.INACTIVE.name]
    bad = active["outcome"] >= Outcome.LOST.name
    groups = active.groupby(named(active[rows])).groups
    rates = {str(value): rate(int(bad[places].sum()), len(places)) for value, places in groups.items()}
    return dict(sorted(rates.items(), key=lambda item: (-item[1].share, -item[1].n, item[0])))


def heat(trials: pd.DataFrame, rows: str = "fault_type") -> go.Figure:
    """Trials by outcome and by the column `rows`, shaded by share of the row; most harmful on top.

    At most MOST_ROWS rows, and only such with an activated fault.
    """
    names = [outcome.name for outcome in Outcome]
    order = [*harm(trials, rows)][:MOST_ROWS][::-1]
    valid = faulty(trials)
    table = valid.groupby([named(valid[rows]), "outcome"], observed=False).size()
    counts = [[int(table.get((value, name), 0)) for name in names] for value in order]
    shares = [[round(count / max(1, sum(row)), 3) for count in row] for row in counts]
    trace = {
        "type": "heatmap", "x": names, "y": order, "z": shares, "zmin": 0, "zmax": 1, "xgap": 2, "ygap": 2,
        "text": [[str(count) if count else "" for count in row] for row in counts], "texttemplate": "%{text}",
        "colorscale": [[0, PALETTE["heat-0"]], [1, PALETTE["heat-1"]]], "showscale": False,
        "hovertemplate": "%{y}<br>%{x}: %{text} (%{z:.0%} of its trials)<extra></extra>",
    }  # fmt: skip
    return figure(
        [trace] if order else [], 110 + 30 * len(order), yaxis=names_axis(type="category"),
        xaxis=axis(side="top", showgrid=False, tickangle=-30, tickfont={"size": 10.5}),
    )  # fmt: skip
