"""Where the time of a recovery goes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import INK, axis, figure, in_ms, looks, ms_axis
from faultkit.results.recoveries import phase_quantiles
from faultkit.verdict.episodes import PHASES


def phases(frame: pd.DataFrame, by: str = "policy") -> go.Figure:
    """Median, 95 % and 99 % quantile of each phase of recovery, a line for each value of the column `by`.

    `frame` comes from `faultkit.results.recoveries.recovery_phases`. What came to no end is censored, not dropped; a
    quantile beyond what was seen to end is not drawn.
    """
    table = phase_quantiles(frame, by=(by,)) if len(frame) else frame
    shown = [phase for phase in PHASES if len(table) and (table["phase"] == phase).any()][::-1]
    values = [str(value) for value in dict.fromkeys(table[by])] if len(table) else []
    traces = [
        trace
        for k, (value, look) in enumerate(zip(values, looks(len(values)), strict=True))
        for row in table[table[by] == value].to_dict("records")
        for trace in [span(row, value, shown.index(row["phase"]) + lane(k, len(values)), look)]
        if trace
    ]
    times = [x for trace in traces for x in trace["x"]]
    named = set[str]()
    for trace in traces:  # one entry of the legend for each value
        trace["showlegend"] = trace["name"] not in named
        named.add(trace["name"])
    return figure(
        traces, 110 + max(26, 15 * len(values)) * len(shown), showlegend=True,
        xaxis=ms_axis("virtual time: median, 95 % and 99 % quantile", times),
        yaxis=axis(
            tickvals=[*range(len(shown))], ticktext=[f"{phase.replace('_', ' ')} " for phase in shown],
            tickfont={"color": INK}, showgrid=False, range=[-0.6, len(shown) - 0.4],
        ),
    )  # fmt: skip


def lane(k: int, of: int) -> float:
    """Where the k-th of several lines lies beside the middle of its row, the first on top."""
    return 0.36 - 0.72 * (k + 0.5) / of


def span(row: Any, name: str, place: float, look: tuple[str, str, str]) -> dict[str, Any] | None:
    """The quantiles of one phase; None if none is known."""
    known = {key: row[f"{key}_ns"] for key in ("p50", "p95", "p99") if pd.notna(row[f"{key}_ns"])}
    colour, symbol, dash = look
    if not known:
        return None
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": in_ms(known.values()), "y": [place] * len(known),
        "line": {"color": colour, "dash": dash, "width": 1.6},
        "marker": {"symbol": symbol, "color": colour, "size": [11, 8, 6][: len(known)]},
        "text": [f"{name}, {row['phase']}, {key}; {row['incomplete']} of {row['n']} without end" for key in known],
        "hovertemplate": "%{text}: %{x:.3g} ms<extra></extra>",
    }  # fmt: skip
