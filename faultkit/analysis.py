"""A campaign as pandas frames, for notebooks: `faultkit.load(RESULT).trials`.

`RESULT` is a directory `results/<experiment>/<date-time>-<seed>/`, a `latest` link to one, or the store's file.
Frames are read while a campaign runs as well as afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from faultkit.errors import HarnessError, UnmetNeed, UsageError
from faultkit.model import Outcome
from faultkit.store import Store, unpack_events

OUTCOMES = pd.CategoricalDtype([outcome.name for outcome in Outcome], ordered=True)  # mildest first

# Missing values are pandas' own: a void trial has no outcome, an interval may lack an end.
DTYPES: dict[str, Any] = {
    "trial": "int64",  # position in the experiment's list, from 0
    "driver": "string",
    "injector": "string",  # "golden" without a fault
    "trigger": "string",
    "policy": "string",
    "workload": "string",
    "target": "string",  # the function or region that the fault went into
    "side": "string",  # where it lies: k-driver, u-driver, channel, device; "" if it does not say
    "fault_type": "string",  # finer than the injector: "text: nop"
    "function": "string",  # that it lies in or tampers with
    "outcome": OUTCOMES,  # compares by severity
    "injected": "boolean",
    "activated": "boolean",  # its activation was witnessed
    "manifested": "boolean",  # worse than MASKED
    "detected_by": "string",  # the first detector
    "udriver_died": "boolean",
    "kdriver_reloaded": "boolean",
    "leaked": "boolean",
    "warned": "boolean",
    "recoveries": "Int64",  # attempts started
    "failures": "Int64",  # errors that somebody detected, or the workload saw
    "undetected": "Int64",  # of these, that nobody detected
    "activation_latency_ns": "Int64",  # virtual nanoseconds, here and below: injected -> activated
    "detection_latency_ns": "Int64",  # activated -> first detection
    "recovery_ns": "Int64",  # first detection -> the service answers again
    "outage_ns": "Int64",  # longest time after activation without a completed request
    "crash_kind": "string",
    "crash_function": "string",
    "ending": "string",  # how the guest stopped: finished, panicked, watchdog, exited
    "void": "string",  # why there is no valid run
    "attempts": "int64",  # runs until one was valid
    "template": "string",
    "wall_s": "Float64",  # seconds of host time
    "guest_s": "Float64",  # of which QEMU was executing the guest
}

EVENT_COLUMNS = ("trial", "t_ns", "source", "kind", "data")
FORMATS = ("csv", "parquet")


@dataclass(frozen=True, slots=True)
class Results:
    """One campaign: `meta` (experiment, seed, command, versions, hashes) and its trials, a row each."""

    path: Path
    meta: dict[str, Any] = field(repr=False)
    trials: pd.DataFrame = field(repr=False)

    def events(self, trial: int | Iterable[int] | None = None) -> pd.DataFrame:
        """The events of one trial, of some, or of all: see `faultkit.events`."""
        return events(self.path, trial)


def load(path: Path | str) -> Results:
    """The facts and the trials of a campaign; events are read when they are asked for. Raises: UsageError."""
    with Store.open(Path(path)) as store:
        return Results(path=Path(path), meta=store.meta(), trials=frame_of(store))


def trials(path: Path | str) -> pd.DataFrame:
    """One row per trial, by number; columns and units as in DTYPES. Raises: UsageError."""
    with Store.open(Path(path)) as store:
        return frame_of(store)


def frame_of(store: Store) -> pd.DataFrame:
    """The scalar columns of an open store, never its blobs."""
    columns = ", ".join("n" if name == "trial" else name for name in DTYPES)
    rows = store.query(f"SELECT {columns} FROM trials ORDER BY n")  # noqa: S608
    return pd.DataFrame.from_records(list(rows), columns=list(DTYPES)).astype(DTYPES)


def events(path: Path | str, trial: int | Iterable[int] | None = None) -> pd.DataFrame:
    """The events of one trial (a number), of some (numbers), or of all (None), by trial and time.

    Columns: trial, t_ns (virtual nanoseconds since the trial began), source, kind, data (a dict each).
    Raises: UsageError if one of the trials asked for is not there.
    """
    asked = None if trial is None else sorted({trial} if isinstance(trial, int) else set(map(int, trial)))
    rows: list[tuple[Any, ...]] = []
    with Store.open(Path(path)) as store:
        refuse_missing(store, asked or [])
        for n, blob in packed_events(store, asked):
            rows.extend((n, e.t_ns, e.source, e.kind, e.data) for e in unpack_events(blob))
    types = {"trial": "int64", "t_ns": "int64", "source": "string", "kind": "string"}
    return pd.DataFrame.from_records(rows, columns=list(EVENT_COLUMNS)).astype(types)


def packed_events(store: Store, asked: list[int] | None) -> Iterable[tuple[Any, ...]]:
    """Number and events, as stored, of each valid trial that was asked for."""
    if asked is None:
        return store.query("SELECT n, events FROM trials WHERE events IS NOT NULL ORDER BY n")
    some = "n IN (SELECT value FROM json_each(?))"
    sql = f"SELECT n, events FROM trials WHERE events IS NOT NULL AND {some} ORDER BY n"  # noqa: S608
    return store.query(sql, (json.dumps(asked),))


def refuse_missing(store: Store, asked: Iterable[int]) -> None:
    """Raises: UsageError if one of the trials asked for is not there."""
    if missing := sorted(set(asked) - store.done()):
        raise UsageError(f"there is no trial {missing[0]} in {store.path}: `faultkit show {store.path}` lists them")


def export(path: Path | str, format: str, out: Path) -> None:
    """Write the trials as one table, "csv" or "parquet".

    Raises: UsageError for another format or no results; UnmetNeed if parquet's library is not installed;
    HarnessError if `out` cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"cannot export as {format!r}: there are {' and '.join(FORMATS)}")
    frame = trials(path)
    try:
        frame.to_csv(out, index=False) if format == "csv" else frame.to_parquet(out, index=False)
    except ImportError:
        raise UnmetNeed("parquet needs pyarrow, which is not installed: `pip install pyarrow`") from None
    except OSError as reason:
        raise HarnessError(f"{out} cannot be written: {reason.strerror or reason}") from None
