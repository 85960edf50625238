"""The figures of the published evaluations, each beside that of a stored campaign. Pure but for reading.

Published counts are those of the papers. Their intervals are computed here, by the same method as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from experiments.literature.tables import MENDED, alarmed, counted, crash_pairs, valid
from faultkit.results.analysis import frame_of
from faultkit.results.sweeps import throughput
from faultkit.statistics.rates import rate
from faultkit.store.store import Store


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of ours beside the published one."""

    measure: str
    theirs: str
    ours: str
    line: str  # the limit that ours has to meet
    met: bool


def nooks_400(store: Store) -> Iterator[Line]:
    """The share of crashes that recovery eliminates."""
    theirs = rate(317 - 4, 317)
    for driver, pairs in crash_pairs(store):
        ours = pairs.gone
        yield Line(f"crashes eliminated, {driver}", str(theirs), str(ours), "lower bound >= 96.8 %", ours.low >= 0.968)


def shadow(store: Store) -> Iterator[Line]:
    """The share of detected failures that were hidden from the application."""
    frame = valid(store)
    failed = frame[frame["manifested"]]
    for driver, group in failed.groupby("driver"):
        detected = group["detected_by"].notna()
        ours, told = counted(group[detected], ["RECOVERED"]), rate(int(detected.sum()), len(group))
        yield Line(f"detected failures hidden, {driver}", "not quoted", str(ours), ">= 98 %", ours.share >= 0.98)
        yield Line(f"failures detected, {driver}", "not printed", str(told), "", True)


def theseus_3(store: Store) -> Iterator[Line]:
    """The share of manifested faults after which the service came back."""
    frame = valid(store)
    frame = frame[frame["manifested"]]
    flips = frame[frame["fault_type"] == "text: bit_flip"]
    whole, flipped = rate(428, 617), rate(27, 74)
    ours = counted(frame, MENDED)
    yield Line("manifested faults recovered", str(whole), str(ours), "> 69.4 %", ours.share > whole.share)
    ours = counted(flips, MENDED)
    yield Line("manifested bit flips recovered", str(flipped), str(ours), "> 36.5 %", ours.share > flipped.share)


def minix_t2(store: Store) -> Iterator[Line]:
    """The share of trials that ended with a dead kernel."""
    frame = valid(store)
    for driver, group in frame.groupby("driver"):
        ours = counted(group, ["CRASHED"])
        yield Line(f"kernels that died, {driver}", "0 of 3 400 000 faults, 1 hang", str(ours), "none", ours.k == 0)


def kill_sweep(store: Store) -> Iterator[Line]:
    """The share of throughput that is lost to kills."""
    frame = throughput(store)
    for driver, op, interval_s, theirs, most in (
        ("nbd", "read", 1.0, "5 %", 0.05),
        ("nbd", "write", 1.0, "16 %", 0.16),
        ("rtl8139", None, 2.0, "about 10 %", 0.10),
        ("rtl8139_micro", None, 2.0, "about 10 %", 0.10),
    ):
        found = frame[(frame["driver"] == driver) & (frame["interval_s"] == interval_s)]
        lost = found[found["op"] == op]["loss"] if op else found["loss"]
        ours = float(lost.mean())
        what = f"{driver} {op or 'both ways'}, killed every {interval_s:g} s"
        yield Line(f"throughput lost, {what}", theirs, f"{100 * ours:.1f} %", f"< {100 * most:g} %", ours < most)
    wrong = int(frame["mismatched"].sum())
    yield Line("wrong reads, in all", "none", str(wrong), "none", wrong == 0)


def false_positive(store: Store) -> Iterator[Line]:
    """The share of healthy trials with an alarm."""
    frame = frame_of(store)
    frame = frame[frame["outcome"].notna()]
    told = pd.concat(alarmed(frame), axis=1).any(axis=1)
    ours = rate(int(told.sum()), len(frame))
    yield Line("alarms in healthy trials", "not printed", str(ours), "none", ours.k == 0)


def quickstart_nbd(store: Store) -> Iterator[Line]:
    """The share of trials with the same outcome alone and at the same time as others."""
    found = store.meta().interference or {}
    ours = rate(found["outcome_agrees"], found["trials"])
    yield Line(f"same outcome at 1 and {found['jobs']} jobs", "not printed", str(ours), "all", ours.k == ours.n)


LINES: Mapping[str, Callable[[Store], Iterator[Line]]] = {
    "nooks_400": nooks_400,
    "shadow": shadow,
    "theseus_3": theseus_3,
    "minix_t2": minix_t2,
    "kill_sweep": kill_sweep,
    "false_positive": false_positive,
    "quickstart_nbd": quickstart_nbd,
}
"""By experiment."""
