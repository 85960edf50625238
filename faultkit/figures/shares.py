"""Outcomes by driver, fault or policy."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from faultkit.figures.looks import INK, PALETTE, figure, marker, names_axis, share_axis
from faultkit.figures.select import activated, named
from faultkit.model.events import Outcome
from faultkit.results.summary import complete, survival
from faultkit.statistics.rates import Rate
from faultkit.verdict.outcomes import ENTRIES, WHITE


def counts_by(trials: pd.DataFrame, by: str) -> dict[str, dict[str, int]]:
    """Value of the column `by` -> every outcome -> activated trials."""
    active = activated(trials)
    groups = active.groupby(named(active[by]))["outcome"]
    return {str(value): complete({str(k): int(v) for k, v in o.value_counts().items()}) for value, o in groups}


def outcome_shares(trials: pd.DataFrame, by: str = "injector") -> go.Figure:
    """Shares of the outcomes of activated trials, a bar for each value of the column `by`, mildest left."""
    groups = counts_by(trials, by)
    order = [*groups][::-1]
    outcomes = [o for o in Outcome if any(counts[o.name] for counts in groups.values())]
    traces = [outcome_bar(o, order, [groups[value] for value in order]) for o in outcomes]
    return figure(
        traces, 110 + 34 * len(order), barmode="stack", bargap=0.35, showlegend=True,
        xaxis=share_axis("share of the activated trials"), yaxis=names_axis(type="category"),
    )  # fmt: skip


def outcome_bar(outcome: Outcome, values: list[str], groups: list[dict[str, int]]) -> dict[str, object]:
    """One outcome's part of all bars."""
    counts, entry = [counts[outcome.name] for counts in groups], ENTRIES[outcome]
    return {
        "type": "bar",
        "orientation": "h",
        "name": outcome.name,
        "y": values,
        "x": [100 * count / sum(group.values()) for count, group in zip(counts, groups, strict=True)],
        "text": [str(count) if count else "" for count in counts],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "insidetextfont": {"color": "white" if entry.ink == WHITE else INK},
        "textangle": 0,
        "marker": marker(PALETTE[outcome.name.lower()], entry.pattern.plotly),
        "hovertemplate": f"%{{y}}<br>{outcome.name}: %{{text}}, %{{x:.1f}} %<extra></extra>",
    }


def survived_shares(trials: pd.DataFrame, by: str = "injector") -> go.Figure:
    """MASKED or RECOVERED of the activated, with the exact (Clopper-Pearson) 95 % interval, by the column `by`."""
    groups = {value: survival(counts) for value, counts in counts_by(trials, by).items()}
    order = [*groups][::-1]
    return figure(
        [points([groups[value] for value in order], order)] if order else [], 90 + 34 * len(order),
        xaxis=share_axis("MASKED or RECOVERED, of activated"), yaxis=names_axis(type="category"),
    )  # fmt: skip


def points(rates: list[Rate], names: list[str]) -> dict[str, object]:
    """Shares with their intervals as error bars."""
    above = [100 * (r.high - r.share) for r in rates]
    below = [100 * (r.share - r.low) for r in rates]
    return {
        "type": "scatter",
        "mode": "markers",
        "y": names,
        "x": [100 * r.share for r in rates],
        "error_x": {"array": above, "arrayminus": below, "color": INK, "thickness": 2, "width": 5},
        "marker": {"size": 10, "color": INK},
        "text": [str(r) for r in rates],
        "hovertemplate": "%{y}<br>%{text}<extra></extra>",
    }
