"""From planned to recovered: how many trials get how far."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import COLOURS, INK, LINE, figure
from faultkit.figures.select import activated, faulty, manifested

STAGES = ("planned", "injected", "activated", "manifested", "detected", "recovered")


def stages(trials: pd.DataFrame, planned: int | None = None) -> dict[str, int]:
    """Trials that reached each of STAGES, each a part of the one before.

    `planned` defaults to the rows of the frame. "detected" and "recovered" are of the manifested: an error was
    detected, and afterwards the service answered again.
    """
    valid, shown = faulty(trials), manifested(trials)
    detected = shown[shown["detected_by"].notna()]
    failed_unseen = valid["outcome"] > "INACTIVE"
    counts = (
        len(trials) if planned is None else planned,
        int((valid["injected"].fillna(False) | failed_unseen).sum()),
        len(activated(trials)),
        len(shown),
        len(detected),
        int(detected["recovery_ns"].notna().sum()),
    )
    return dict(zip(STAGES, counts, strict=True))


def funnel(trials: pd.DataFrame, planned: int | None = None) -> go.Figure:
    """Planned, injected, activated, manifested, detected, recovered: counts, and shares of the stage before."""
    counts = stages(trials, planned)
    trace = {
        "type": "funnel",
        "y": list(counts),
        "x": list(counts.values()),
        "textinfo": "value+percent previous",
        "textfont": {"color": INK},
        "textposition": "auto",
        "marker": {"color": [COLOURS[0]] * len(counts), "opacity": 0.55},
        "connector": {"line": {"color": LINE}},
        "hovertemplate": "%{y}: %{x}, %{percentPrevious:.1%} of the stage before<extra></extra>",
    }
    return figure([trace], 320, yaxis={"automargin": True, "tickfont": {"color": INK}})
