"""The dashboard's charts as plotly figures: plain dictionaries.

Colours are names of CSS custom properties ("--ink"); the page replaces them by the theme's values.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from math import ceil, floor, log10
from random import Random
from typing import Any

import pandas as pd

from faultkit.model import Outcome
from faultkit.report.campaign import UNKNOWN, harm, numbers
from faultkit.stats import quantile

Figure = dict[str, Any]

STEPS = 300  # drawn of one curve; more cannot be told apart
POINTS = 120  # drawn of one strip
ROWS = 24  # functions per chart
FLOOR_MS = 0.001  # a logarithmic axis has no zero
COLOURS = ("--c1", "--c2", "--c3", "--c4", "--c5", "--c6")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")
PATTERNS = ("", "/", "x", ".", "-", "+")
HATCHED = {"size": 7, "solidity": 0.18, "fillmode": "overlay"}
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


def figure(traces: list[dict[str, Any]], height: int, **layout: Any) -> Figure:
    """A figure in the page's looks; axes are given by `axis`."""
    base = {
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": "--ink-2"},
        "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line", "font": {"color": "--ink"}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": "--ink"}},
        "showlegend": False,
    }
    return {"data": traces, "layout": base | layout}


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """A quiet axis: hairlines, no frame."""
    quiet = {
        "title": {"text": title, "font": {"size": 12}, "standoff": 10},
        "ticks": "",
        "gridcolor": "--line",
        "linecolor": "--line",
        "zeroline": False,
        "automargin": True,
    }
    return quiet | more


def ms_axis(title: str, values_ms: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis of virtual milliseconds for some values."""
    low, high = min(values_ms) / 1.15, max(values_ms) * 1.15
    ticks = log_ticks(low, high)
    names = [f"{tick:g} ms" for tick in ticks]
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


def thinned(values: Sequence[float], count: int = POINTS) -> list[float]:
    """At most `count` of the values, evenly spaced in order; the extremes stay."""
    ordered = sorted(values)
    if len(ordered) <= count:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (count - 1))] for i in range(count)]


def in_ms(values: Sequence[float]) -> list[float]:
    """Nanoseconds as milliseconds fit for a logarithmic axis."""
    return [max(FLOOR_MS, round(value / 1e6, 4)) for value in values]


def recovery(frame: pd.DataFrame) -> Figure:
    """Share of detected errors from which the service was back within a time, by policy.

    A curve ends below 100 % where some never came back: they are censored, not left out.
    """
    detected = frame[frame["detected_by"].notna()]
    looks = zip(cycle(COLOURS), cycle(SYMBOLS), strict=False)
    slowest = float(detected["recovery_ns"].max())
    traces = [
        ecdf(str(policy), numbers(rows["recovery_ns"]), len(rows), slowest, look)
        for (policy, rows), look in zip(detected.groupby("policy"), looks, strict=False)
        if len(numbers(rows["recovery_ns"]))
    ]
    times = [x for trace in traces for x in trace["x"]]
    return figure(
        traces, 340, showlegend=True,
        xaxis=ms_axis("virtual time from detection until the service answers again", times),
        yaxis=axis("share of detected errors", range=[0, 102], ticksuffix=" %", dtick=25),
    )  # fmt: skip


def ecdf(name: str, values: Sequence[float], n: int, end: float, look: tuple[str, str]) -> dict[str, Any]:
    """The steps up to `end` of an empirical distribution over `n` cases of which only some have a value."""
    ordered, (colour, symbol) = sorted(values), look
    places = sorted({round(i * (len(ordered) - 1) / (STEPS - 1)) for i in range(STEPS)})
    heights = [round(100 * (i + 1) / n, 2) for i in places]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{name}: {len(ordered)} of {n} came back",
        "x": in_ms([ordered[0], *(ordered[i] for i in places), end]),
        "y": [0, *heights, heights[-1]],
        "line": {"shape": "hv", "color": colour, "width": 2.2},
        "marker": {"symbol": symbol, "size": 8, "color": colour, "maxdisplayed": 7},
        "hovertemplate": f"{name}<br>%{{y:.1f}} % within %{{x:.3g}} ms<extra></extra>",
    }


def detection(frame: pd.DataFrame) -> Figure:
    """Latency from activation to the first detection, by detector: quartiles, and a point per trial."""
    latencies = {str(by): numbers(rows["detection_latency_ns"]) for by, rows in frame.groupby("detected_by")}
    ranked = sorted((item for item in latencies.items() if item[1]), key=lambda item: -quantile(item[1], 0.5))
    traces = [trace for place, (_, values) in enumerate(ranked) for trace in strip(place, values)]
    times = [x for trace in traces if "x" in trace for x in trace["x"]]
    names = [f"{name}  n={len(values)} " for name, values in ranked]
    return figure(
        traces, 120 + 56 * len(ranked), xaxis=ms_axis("virtual time from activation to detection", times),
        yaxis=axis(
            tickvals=list(range(len(ranked))), ticktext=names, tickfont={"color": "--ink"},
            showgrid=False, range=[-0.6, len(ranked) - 0.4],
        ),
    )  # fmt: skip


def strip(place: int, values: Sequence[float]) -> list[dict[str, Any]]:
    """A box and its points on one line of a chart."""
    low, q1, median, q3, high = in_ms([quantile(values, q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)])
    shown, rng = in_ms(thinned(values)), Random(place)  # noqa: S311 - jitter, no secret
    points = {
        "type": "scatter", "mode": "markers", "x": shown, "y": [place + rng.uniform(-0.26, 0.26) for _ in shown],
        "marker": {"size": 5, "color": "--c1", "opacity": 0.35}, "hovertemplate": "%{x:.3g} ms<extra></extra>",
    }  # fmt: skip
    box = {
        "type": "box", "orientation": "h", "y": [place], "q1": [q1], "median": [median], "q3": [q3],
        "lowerfence": [low], "upperfence": [high], "width": 0.44, "line": {"color": "--ink", "width": 1.4},
        "fillcolor": "rgba(0,0,0,0)", "hoverinfo": "x", "name": "5, 25, 50, 75 and 95 % of the trials",
    }  # fmt: skip
    return [points, box]


def crashes(frame: pd.DataFrame) -> Figure:
    """Functions in which the kernel crashed, by kind of crash."""
    crashed = frame[frame["outcome"] == Outcome.CRASHED.name]
    functions = crashed["crash_function"].fillna(UNKNOWN).astype(str)
    kinds = crashed["crash_kind"].fillna("unknown").astype(str)
    order = list(functions.value_counts().index[:ROWS])[::-1]
    most = int(functions.value_counts().max())
    looks = zip(kinds.value_counts().index, cycle(COLOURS), cycle(PATTERNS), strict=False)
    traces = []
    for kind, colour, pattern in looks:
        counts = functions[kinds == kind].value_counts()
        traces.append(bar(str(kind), order, [int(counts.get(name, 0)) for name in order], colour, pattern))
    return figure(
        traces, 110 + 30 * len(order), barmode="stack", bargap=0.35, showlegend=True,
        xaxis=axis("crashed trials", dtick=max(1, ceil(most / 8)), rangemode="tozero"),
        yaxis=axis(tickfont={"family": MONO, "color": "--ink"}, showgrid=False, ticksuffix="  "),
    )  # fmt: skip


def bar(name: str, places: list[str], counts: list[int], colour: str, pattern: str) -> dict[str, Any]:
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
        "marker": {"color": colour, "pattern": {"shape": pattern, "fgcolor": "--surface", **HATCHED}},
        "hovertemplate": f"%{{y}}<br>{name}: %{{x}}<extra></extra>",
    }


def heat(frame: pd.DataFrame) -> Figure:
    """How faults in each function's code ended: trials per function and outcome, shaded by share of the row."""
    names = [outcome.name for outcome in Outcome]
    order = [*harm(frame)][:ROWS][::-1]
    table = frame.groupby(["target", "outcome"], observed=False).size()
    counts = [[int(table.get((function, name), 0)) for name in names] for function in order]
    shares = [[round(count / max(1, sum(row)), 3) for count in row] for row in counts]
    trace = {
        "type": "heatmap", "x": names, "y": order, "z": shares, "zmin": 0, "zmax": 1, "xgap": 2, "ygap": 2,
        "text": [[str(count) if count else "" for count in row] for row in counts], "texttemplate": "%{text}",
        "colorscale": [[0, "--heat-0"], [1, "--heat-1"]], "showscale": False,
        "hovertemplate": "%{y}<br>%{x}: %{text} (%{z:.0%} of its trials)<extra></extra>",
    }  # fmt: skip
    return figure(
        [trace], 90 + 30 * len(order), xaxis=axis(side="top", showgrid=False, tickangle=0, tickfont={"size": 10.5}),
        yaxis=axis(showgrid=False, ticksuffix="  ", tickfont={"family": MONO, "color": "--ink"}),
    )  # fmt: skip
