"""Tables of campaigns that vary one thing: how often a driver is killed, or how closely it is watched."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from faultkit.model.events import Event, Kind
from faultkit.results.recoveries import detections
from faultkit.statistics.rates import quantile, rate
from faultkit.store import queries
from faultkit.store.store import Store

NOT_THE_SERVICE = frozenset({"fill", "connect"})  # requests that only make ready for others
THROUGHPUT_COLUMNS = ("trial", "driver", "op", "interval_s", "faults", "outcome", "mismatched", "per_s", "loss")
WATCHED = ("beat_s", "deadline_s")


def throughput(store: Store) -> pd.DataFrame:
    """A row per trial and kind of request: `per_s`, completed requests a virtual second; `loss`, the share of the
    golden trials' throughput (of the same driver and kind, on average) that is gone.

    `interval_s` is that of the trigger `Every`, missing in golden trials; `faults` how often one was put in;
    `mismatched` how many reads were wrong.
    """
    rows = []
    for run in queries.recorded_trials(store):
        events = run.events
        faults, mismatched = (
            sum(e.kind == kind for e in events) for kind in (Kind.FAULT_INJECTED, Kind.READ_MISMATCHED)
        )
        for op, per_s in throughput_of(events):
            rows.append((run.n, run.driver, op, run.interval_s, faults, run.outcome.name, mismatched, per_s))
    frame = pd.DataFrame.from_records(rows, columns=list(THROUGHPUT_COLUMNS[:-1]))
    golden = frame[frame["interval_s"].isna()].groupby(["driver", "op"])["per_s"].mean()
    whole = [golden.get(key, math.nan) for key in zip(frame["driver"], frame["op"], strict=True)]
    return frame.assign(loss=1 - frame["per_s"] / whole)


def throughput_of(events: Sequence[Event]) -> Iterator[tuple[str, float]]:
    """Each kind of request, and how many of it completed a second, from its first issue to the workload's end."""
    issued: dict[str, int] = {}
    for event in events:
        if event.kind == Kind.REQUEST_ISSUED:
            issued.setdefault(str(event.data["op"]), event.t_ns)
    end_ns = next((e.t_ns for e in events if e.kind == Kind.WORKLOAD_FINISHED), events[-1].t_ns if events else 0)
    for op in sorted(issued.keys() - NOT_THE_SERVICE):
        done = sum(e.kind == Kind.REQUEST_COMPLETED and e.data["op"] == op and e.t_ns <= end_ns for e in events)
        yield op, 1e9 * done / max(1, end_ns - issued[op])


def detector_table(store: Store) -> pd.DataFrame:
    """A row per timing of the detectors, injector and detector: in how many trials it told, and how late.

    Columns: beat_s, deadline_s, injector, detector, trials, told (trials), low and high (95 %, exact: of told), p50_s
    and p95_s from activation to its telling. For golden and otherwise healthy trials `told` counts false alarms.
    """
    frame = detections(store)
    asked = queries.trials_by_timing(store)
    rows: list[tuple[Any, ...]] = []
    for key, count in asked.items():
        same = frame[(frame[[*WATCHED, "injector"]] == list(key)).all(axis=1)]
        for detector, group in same.groupby("detector"):
            share = rate(group["trial"].nunique(), count)
            late_s = (group["latency_ns"].dropna().astype("float64") / 1e9).tolist()
            latency = (quantile(late_s, q) for q in (0.5, 0.95))
            rows.append((*key, detector, count, share.k, share.low, share.high, *latency))
        if not same["detector"].notna().any():
            share = rate(0, count)
            rows.append((*key, None, count, 0, share.low, share.high, math.nan, math.nan))
    columns = [*WATCHED, "injector", "detector", "trials", "told", "low", "high", "p50_s", "p95_s"]
    return pd.DataFrame.from_records(rows, columns=columns)
