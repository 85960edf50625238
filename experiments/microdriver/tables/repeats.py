"""Table of `repeat_recovery`: resources that many recoveries in a row have left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from faultkit import Record
from faultkit.kit import Event, Kind, name_of
from faultkit.statistics.rates import quantile
from faultkit.store.store import Store

AT_EACH_END = 100
HELD = ("slab_bytes", "interrupt_handlers", "agent_fds", "fds")


def table(store: Store) -> pd.DataFrame:
    """A row per trial with at least twice `AT_EACH_END` recoveries.

    Columns: driver, recoveries, first_p50_s, last_p50_s, first_p95_s, last_p95_s (of the first and the last
    hundred), and how much more is held at the end than at the beginning: slab_bytes, interrupt_handlers, agent_fds,
    fds (of the u-driver), module_refs.
    """
    records = (store.record(n) for n in sorted(store.done()))
    return pd.DataFrame([row(r) for r in records if len(recovery_s(r.events)) >= 2 * AT_EACH_END])


def row(record: Record) -> dict[str, Any]:
    """The row of one trial."""
    took_s = recovery_s(record.events)
    ends = {"first": took_s[:AT_EACH_END], "last": took_s[-AT_EACH_END:]}
    times = {f"{end}_p{round(100 * q)}_s": quantile(some, q) for q in (0.5, 0.95) for end, some in ends.items()}
    return {"driver": name_of(record.trial.driver), "recoveries": len(took_s)} | times | left_behind(record.events)


def recovery_s(events: Sequence[Event]) -> list[float]:
    """How long each recovery took, from its first detection on, in virtual seconds."""
    found, since_ns = [], None
    for event in events:
        if event.kind == Kind.ERROR_DETECTED and since_ns is None:
            since_ns = event.t_ns
        elif event.kind == Kind.SERVICE_RESTORED and since_ns is not None:
            found.append((event.t_ns - since_ns) / 1e9)
            since_ns = None
    return found


def left_behind(events: Sequence[Event]) -> dict[str, int]:
    """The resources that are held at the end and were not at the beginning."""
    first, *_, last = (event.data for event in events if event.kind == Kind.RESOURCES_SAMPLED)
    refs = sum((last["module_refs"][name] or 0) - (first["module_refs"][name] or 0) for name in first["module_refs"])
    return {name: (last[name] or 0) - (first[name] or 0) for name in HELD} | {"module_refs": refs}


def repeats_text(store: Store) -> Iterator[str]:
    """The table of repeated recoveries as text."""
    yield table(store).round(4).to_string(index=False)
