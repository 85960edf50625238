"""The time of recovery, with the trials that never came back kept in the count, and the phases of that time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy import stats

from faultkit.figures.looks import INK, axis, figure, in_ms, ms_axis, series_looks, share_axis, translucent
from faultkit.figures.select import named
from faultkit.results.analysis import Results
from faultkit.results.recoveries import phase_quantiles
from faultkit.statistics.rates import CONFIDENCE
from faultkit.verdict.episodes import PHASES

STEPS = 300  # drawn of one curve; more cannot be told apart


def recovery_times(results: Results) -> pd.DataFrame:
    """The same as `results.recovery_times()`: see there."""
    return results.recovery_times()


@dataclass(frozen=True, slots=True)
class Curve:
    """Share of detected errors from which the service was back within a time, with its band (fractions of 1)."""

    times_ns: list[float]
    share: list[float]
    low: list[float]
    high: list[float]
    restored: int
    final: int
    open: int

    def at(self, time_ns: float) -> float:
        """The share at a time."""
        place = int(np.searchsorted(self.times_ns, time_ns, side="right"))
        return self.share[place - 1] if place else 0.0

    def __str__(self) -> str:
        total = self.restored + self.final + self.open
        rest = [f"{self.final} ended for good" if self.final else "", f"{self.open} still down" if self.open else ""]
        return ", ".join([f"{self.restored} of {total} came back", *filter(None, rest)])


def curve_of(times: pd.DataFrame) -> Curve:
    """The Kaplan-Meier estimate of the time to recovery, with its log-log band at 95 %.

    `times` are rows of `recovery_times`. What was still down is censored when its trial ended. What ended for good
    stays among those waited for to the very end, as in the subdistribution of J. P. Fine and R. J. Gray, "A
    proportional hazards model for the subdistribution of a competing risk", JASA 94 (1999), 496-509: censored at
    its own end, it would count as if it might have come back, and the curve would lie too high.
    Estimate and band: E. L. Kaplan and P. Meier, JASA 53 (1958), 457-481, by `scipy.stats.ecdf`.
    """
    ended, waited = times["ended"], times["watched_ns"].astype("float64")
    restored = waited[ended == "restored"]
    final, still = int((ended == "final").sum()), waited[ended == "open"]
    censored = [*still, *[float(waited.max()) + 1] * final]
    if restored.empty:
        return Curve([], [], [], [], 0, final, len(still))
    cdf = stats.ecdf(stats.CensoredData(uncensored=[*restored], right=censored)).cdf
    steps = np.isin(cdf.quantiles, restored)  # nothing rises where one was only given up
    columns = (cdf.quantiles, cdf.probabilities, *band(cdf))
    times_ns, share, low, high = (column[steps].tolist() for column in columns)
    return Curve(times_ns, share, low, high, len(restored), final, len(still))


def band(cdf: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lower and upper bound at each time; where all are back, the lower one is not defined and stays."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The confidence interval is undefined")
        found = cdf.confidence_interval(CONFIDENCE, method="log-log")
    low, high = (pd.Series(side.probabilities) for side in (found.low, found.high))
    return low.ffill().fillna(0.0).to_numpy(), high.fillna(1.0).to_numpy()


def recovery(times: pd.DataFrame, by: str = "policy") -> go.Figure:
    """Share of detected errors from which the service was back within a time, a curve for each value of `by`.

    `times` comes from `recovery_times`. Bands are 95 % intervals at each time. See `curve_of` for the method.
    """
    groups = {str(value): curve_of(rows) for value, rows in times.groupby(named(times[by]))}
    known = [time for curve in groups.values() for time in curve.times_ns]
    span = (min(known), max(known)) if known else (1e6, 1e9)
    traces = [
        trace
        for (value, curve), look in zip(groups.items(), series_looks(len(groups)), strict=True)
        for trace in drawn(value, curve, span, look)
    ]
    return figure(
        traces, 380, showlegend=True, yaxis=share_axis("share of detected errors"),
        xaxis=ms_axis("virtual time from detection until the service answers again", in_ms(span)),
    )  # fmt: skip


def drawn(name: str, curve: Curve, span: tuple[float, float], look: tuple[str, str, str]) -> Iterator[dict[str, Any]]:
    """A curve over its band, from the first recovery of all to the last."""
    colour, symbol, dash = look
    places = sorted({round(i * (len(curve.share) - 1) / (STEPS - 1)) for i in range(STEPS)}) if curve.share else []
    x = in_ms([span[0], *(curve.times_ns[i] for i in places), span[1]])
    low, high, middle = (stepped([side[i] for i in places]) for side in (curve.low, curve.high, curve.share))
    edge = {"type": "scatter", "mode": "lines", "x": x, "showlegend": False, "hoverinfo": "skip"}
    yield edge | {"y": low, "line": {"shape": "hv", "width": 0, "color": colour}}
    yield edge | {
        "y": high, "line": {"shape": "hv", "width": 0, "color": colour},
        "fill": "tonexty", "fillcolor": translucent(colour),
    }  # fmt: skip
    yield {
        "type": "scatter", "mode": "lines+markers", "name": f"{name}: {curve}", "x": x, "y": middle,
        "line": {"shape": "hv", "color": colour, "dash": dash, "width": 2.2},
        "marker": {"symbol": symbol, "size": 8, "color": colour, "maxdisplayed": 7},
        "hovertemplate": f"{name}<br>%{{y:.1f}} % within %{{x:.3g}} ms<extra></extra>",
    }  # fmt: skip


def stepped(shares: list[float]) -> list[float]:
    """Shares as percent, from nothing before the first step to what holds after the last."""
    return [round(100 * share, 2) for share in (0.0, *shares, shares[-1] if shares else 0.0)]


def phases(phase_times: pd.DataFrame, by: str = "policy") -> go.Figure:
    """Median, 95 % and 99 % quantile of each phase of recovery, a line for each value of the column `by`.

    `phase_times` comes from `faultkit.results.recoveries.recovery_phases`. A phase without an end is censored, not
    dropped; a quantile beyond the longest phase that ended is not drawn.
    """
    table = phase_quantiles(phase_times, by=(by,)) if len(phase_times) else phase_times
    shown = [phase for phase in PHASES if len(table) and (table["phase"] == phase).any()][::-1]
    values = [str(value) for value in dict.fromkeys(table[by])] if len(table) else []
    traces = [
        trace
        for k, (value, look) in enumerate(zip(values, series_looks(len(values)), strict=True))
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
    """The offset of the k-th of several lines from the middle of its row; the first lies on top."""
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
