"""The latency of detection, by detector."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import COLOURS, INK, axis, figure, in_ms, ms_axis, thinned
from faultkit.figures.select import faulty, known_numbers
from faultkit.statistics.rates import quantile

POINTS = 120  # drawn of one strip


def detection(trials: pd.DataFrame) -> go.Figure:
    """Latency from activation to the first detection, by detector, fastest below: quartiles, and a point per trial."""
    groups = faulty(trials).groupby("detected_by")
    latencies = {str(by): known_numbers(rows["detection_latency_ns"]) for by, rows in groups}
    ranked = sorted((item for item in latencies.items() if item[1]), key=lambda item: -quantile(item[1], 0.5))
    traces = [trace for place, (_, values) in enumerate(ranked) for trace in strip(place, values)]
    times = [x for trace in traces for x in trace.get("x", ())]
    return figure(
        traces, 120 + 56 * len(ranked), xaxis=ms_axis("virtual time from activation to detection", times),
        yaxis=axis(
            tickvals=list(range(len(ranked))), ticktext=[f"{name}  n={len(values)} " for name, values in ranked],
            tickfont={"color": INK}, showgrid=False, range=[-0.6, len(ranked) - 0.4],
        ),
    )  # fmt: skip


def strip(place: int, values: Sequence[float]) -> list[dict[str, Any]]:
    """A box and its points on one line of a chart."""
    low, q1, median, q3, high = in_ms([quantile(values, q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)])
    shown, rng = in_ms(thinned(values, POINTS)), Random(place)  # noqa: S311 - jitter, no secret
    points: dict[str, Any] = {
        "type": "scatter", "mode": "markers", "x": shown, "y": [place + rng.uniform(-0.26, 0.26) for _ in shown],
        "marker": {"size": 5, "color": COLOURS[0], "opacity": 0.35}, "hovertemplate": "%{x:.3g} ms<extra></extra>",
    }  # fmt: skip
    box: dict[str, Any] = {
        "type": "box", "orientation": "h", "y": [place], "q1": [q1], "median": [median], "q3": [q3],
        "lowerfence": [low], "upperfence": [high], "width": 0.44, "line": {"color": INK, "width": 1.4},
        "fillcolor": "rgba(0,0,0,0)", "hoverinfo": "x", "name": "5, 25, 50, 75 and 95 % of the trials",
    }  # fmt: skip
    return [points, box]
