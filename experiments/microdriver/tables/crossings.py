"""Table of `crash_points`: the outcome at each crossing, and a check that none is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from faultkit import Record
from faultkit.kit import Kind, name_of
from faultkit.model.errors import FaultkitError
from faultkit.store.store import Store
from faultkit.verdict.judge import Verdict, judge
from injectors.channel.channel import Channel

PLACE = ["driver", "phase", "nth"]
WAY = ["action", "policy"]
HEARTBEAT = ("settings", "report")  # what the drivers' probes ask their u-drivers


class Incomplete(FaultkitError):
    """A crossing was not met, or one that should not exist was."""

    exit_code = 1


def crossings(store: Store) -> pd.DataFrame:
    """A row per trial with a fault: its place, the action on the message, and the outcome; `recovery_s` is virtual."""
    records = (store.record(n) for n in sorted(store.done()))
    return pd.DataFrame(row for record in records for row in rows(record))


def rows(record: Record) -> Iterator[dict[str, Any]]:
    """The row of a trial with a fault of the channel; no row for others."""
    trial, verdict = record.trial, judge(record)
    if isinstance(trial.fault, Channel):
        direction, call = met(record)
        yield {
            "driver": name_of(trial.driver),
            "phase": getattr(trial.workload, "phase", "initialisation"),
            "nth": trial.fault.nth,
            "direction": direction,
            "call": call,
            "action": trial.fault.action,
            "policy": name_of(trial.policy),
            "outcome": verdict.outcome.name,
            "recovery_s": seconds(verdict),
        }


def met(record: Record) -> tuple[str, str]:
    """Direction and call of the message that met with the fault; empty if none did."""
    words = next((str(e.data["met"]).split() for e in record.events if e.kind == Kind.FAULT_ACTIVATED), ["", ""])
    return words[0], words[1]


def seconds(verdict: Verdict) -> float | None:
    """The seconds from the detection until the service answers."""
    return None if verdict.recovery_ns is None else verdict.recovery_ns / 1e9


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per crossing, a column per way: outcome, and seconds of recovery."""
    shown = frame.assign(
        came=[f"{o} {'' if pd.isna(s) else f'{s:.2f} s'}" for o, s in frame[["outcome", "recovery_s"]].values]
    )
    there = shown[shown["call"].ne("") & ~shown["call"].isin(HEARTBEAT)]
    return there.pivot_table(index=[*PLACE, "direction", "call"], columns=WAY, values="came", aggfunc="first")


def gaps(frame: pd.DataFrame) -> list[str]:
    """Why the crossings of a phase, in one way, are not proven to be all there are; empty: they are."""
    found = []
    for where, ways in frame.groupby(["driver", "phase", *WAY]):
        calls = ways.sort_values("nth")["call"]
        active = (calls.ne("") & ~calls.isin(HEARTBEAT)).tolist()
        if active != [True] * (len(active) - 1) + [False]:
            met_at = [n for n, was in enumerate(active, 1) if was]
            found.append(f"{', '.join(map(str, where))}: met at {met_at} of 1 to {len(active)}, the last to be none")
    return found


def crossings_text(store: Store) -> Iterator[str]:
    """The table of crossings as text. Raises: Incomplete."""
    frame = crossings(store)
    yield table(frame).to_string()
    if found := gaps(frame):
        raise Incomplete("; ".join(found))
    yield "all crossings were met, and there are no more"
