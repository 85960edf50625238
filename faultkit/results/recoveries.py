"""Detections and recoveries of a campaign as tidy frames, and the times of the phases of recovery.

A phase without an end (recovery gave up, or the trial was over before) is censored, not dropped: it is known to have
taken at least that long. Quantiles are those of the Kaplan-Meier estimate (E. L. Kaplan and P. Meier, "Nonparametric
estimation from incomplete observations", Journal of the American Statistical Association 53, 1958).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text
from scipy.stats import CensoredData, ecdf

from faultkit.store import queries
from faultkit.store.store import Store
from faultkit.verdict.episodes import PHASES, Episode, all_phases, episodes

QUANTILES = (0.5, 0.95, 0.99)
TRIAL = {"trial": "int64", "driver": "string", "injector": "string", "policy": "string"}
PHASE_DTYPES: dict[str, Any] = TRIAL | {
    "episode": "int64",  # of the trial, from 0
    "attempt": "int64",  # of the episode, from 1; 0 for phases that are no attempt's
    "action": "string",
    "phase": pd.CategoricalDtype([*PHASES], ordered=True),  # see faultkit.verdict.episodes.PHASES
    "duration_ns": "int64",  # virtual
    "complete": "bool",  # False: it was still going on, or failed, when it was last seen
}
DETECTION_DTYPES: dict[str, Any] = TRIAL | {
    "beat_s": "float64",
    "deadline_s": "float64",
    "episode": "int64",
    "failed": "bool",  # the workload saw an error
    "detector": "string",  # missing: none reported it
    "rank": "Int64",  # 1: the first report
    "latency_ns": "Int64",  # since the activation; missing if that went unseen
}


def recovery_phases(store: Store, trial: int | None = None) -> pd.DataFrame:
    """A row per phase of each recovery, of one trial or of all; columns and units as in PHASE_DTYPES."""
    rows = [
        (run.n, run.driver, run.injector, run.policy, *asdict(phase).values())
        for run in queries.recorded_trials(store, trial)
        for phase in all_phases(run.events)
    ]
    return pd.DataFrame.from_records(rows, columns=list(PHASE_DTYPES)).astype(PHASE_DTYPES)


def detections(store: Store, trial: int | None = None) -> pd.DataFrame:
    """A row per episode and detector that reported it, or one without a detector; columns as in DETECTION_DTYPES."""
    rows = [
        (run.n, run.driver, run.injector, run.policy, run.beat_s, run.deadline_s, n, episode.failed, *report)
        for run in queries.recorded_trials(store, trial)
        for n, episode in enumerate(episodes(run.events))
        for report in reports(episode)
    ]
    return pd.DataFrame.from_records(rows, columns=list(DETECTION_DTYPES)).astype(DETECTION_DTYPES)


def reports(episode: Episode) -> Iterator[tuple[str | None, int | None, int | None]]:
    """Detector, rank and latency of each report; one empty row if there is none."""
    start = episode.activated
    for rank, event in enumerate(episode.detections, 1):
        yield str(event.data["by"]), rank, max(0, event.t_ns - start.t_ns) if start else None
    if not episode.detections:
        yield None, None, None


def censored_quantile(durations: Sequence[float], complete: Sequence[bool], q: float) -> float:
    """The duration within which a share `q` came to an end; NaN if fewer did."""
    if not any(complete):
        return math.nan
    data = CensoredData.right_censored(durations, [not done for done in complete])
    left = ecdf(data).sf
    reached = [t for t, share in zip(left.quantiles, left.probabilities, strict=True) if share <= 1 - q + 1e-12]
    return float(reached[0]) if reached else math.nan


def phase_quantiles(frame: pd.DataFrame, by: Sequence[str] = ("driver", "policy")) -> pd.DataFrame:
    """Quantiles of `recovery_phases` by phase and `by`: n, incomplete ones, p50_ns, p95_ns, p99_ns.

    A quantile is NaN where it lies beyond what was seen to end.
    """
    rows = []
    for key, group in frame.groupby([*by, "phase"], observed=True):
        lengths, complete = group["duration_ns"].tolist(), group["complete"].tolist()
        quantiles = (censored_quantile(lengths, complete, q) for q in QUANTILES)
        rows.append((*key, len(group), complete.count(False), *quantiles))
    names = [f"p{round(100 * q)}_ns" for q in QUANTILES]
    return pd.DataFrame.from_records(rows, columns=[*by, "phase", "n", "incomplete", *names])


@dataclass(frozen=True, slots=True)
class PhaseTable:
    """The times of each phase of recovery, by driver and policy, for a terminal. Print it with rich."""

    quantiles: pd.DataFrame

    @classmethod
    def of(cls, store: Store, trial: int | None = None) -> Self:
        """The table of what is in the store by now."""
        return cls(phase_quantiles(recovery_phases(store, trial)))

    def as_json(self) -> list[dict[str, Any]]:
        """The table for scripts; null for a quantile beyond the longest phase that ended."""
        known = self.quantiles.astype(object).where(self.quantiles.notna(), None)
        return [dict(zip(known.columns, row, strict=True)) for row in known.itertuples(index=False)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.quantiles.empty:
            yield Text("no error was detected: there is nothing to recover from")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("virtual ms", "n", "without end", "p50", "p95", "p99"):
            table.add_column(name, justify="left" if name == "virtual ms" else "right", no_wrap=True)
        for (driver, policy), group in self.quantiles.groupby(["driver", "policy"]):
            table.add_row(f"{driver} under {policy}")
            for row in group.to_dict("records"):
                lengths = (in_ms(row[f"{name}_ns"]) for name in ("p50", "p95", "p99"))
                table.add_row(f"  {row['phase']}", str(row["n"]), str(row["incomplete"] or "·"), *lengths)
        yield table
        yield Text("\ndetected: since the activation; first_byte: since state_back;\nrecovered: detected to restored")


def in_ms(length_ns: float) -> str:
    """Nanoseconds as milliseconds; a dash for a quantile beyond the longest phase that ended."""
    return "-" if math.isnan(length_ns) else f"{length_ns / 1e6:.1f}"
