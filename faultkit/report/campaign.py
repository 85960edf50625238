"""What the dashboard says of one campaign: its counts, its frame, and the sentences drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from faultkit.analysis import frame_of
from faultkit.model import Outcome
from faultkit.stats import Rate, quantile, rate
from faultkit.store import Store
from faultkit.summary import GOLDEN, accounting, by, false_positives, outcomes, survival

GROUPS = ("driver", "injector", "policy")
Counts = Mapping[str, int]  # outcome -> trials

MEANINGS: dict[Outcome, str] = {
    Outcome.INACTIVE: "placed, never activated: no evidence either way",
    Outcome.MASKED: "the service stayed correct; no recovery was needed",
    Outcome.RECOVERED: "recovery ran; the workload saw nothing but delay",
    Outcome.DISRUPTED: "the service came back, but after an error or late",
    Outcome.LOST: "the service ended and said so; the kernel lives",
    Outcome.HUNG: "requests neither complete nor fail; the kernel lives",
    Outcome.CRASHED: "kernel oops, panic or lockup",
    Outcome.CORRUPT: "wrong data handed over as right, or acknowledged data lost",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign as it was found in its store."""

    path: Path  # as the user wrote it
    directory: str  # the name of the run's directory
    meta: Mapping[str, Any]
    accounting: Counts
    outcomes: Counts  # of trials with a fault
    groups: Mapping[str, Mapping[str, Counts]]  # driver, injector, policy -> value -> outcome -> trials
    golden: int  # valid trials without a fault
    false_positives: int  # golden trials that were not clean
    trials: pd.DataFrame

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.meta.get("experiment") or self.path.name)

    @property
    def faulty(self) -> pd.DataFrame:
        """Valid trials with a fault."""
        return self.trials[self.trials["void"].isna() & (self.trials["injector"] != GOLDEN)]

    @property
    def survival(self) -> Rate:
        """MASKED or RECOVERED, of all activated."""
        return survival(self.outcomes)


def read(path: Path, store: Store) -> Campaign:
    """A campaign out of its open store."""
    injectors = by(store, "injector")
    golden = injectors.pop(GOLDEN, {})
    return Campaign(
        path=path,
        directory=store.path.resolve().name,
        meta=store.meta(),
        accounting=accounting(store),
        outcomes=outcomes(store),
        groups={group: injectors if group == "injector" else by(store, group) for group in GROUPS},
        golden=sum(golden.values()),
        false_positives=false_positives(store),
        trials=frame_of(store),
    )


def times(count: int) -> str:
    """How often, in words as far as English has them."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def ms(ns: float) -> str:
    """Nanoseconds as milliseconds, to three significant figures."""
    value = ns / 1e6
    if value >= 1000:
        return f"{value:,.0f} ms".replace(",", " ")
    return f"{value:.3g} ms"


def worst(counts: Counts) -> Outcome:
    """The worst outcome that occurred."""
    return max((outcome for outcome in Outcome if counts.get(outcome.name)), default=Outcome.INACTIVE)


def verdict(campaign: Campaign) -> str:
    """The campaign in one sentence."""
    survived, bad = campaign.survival, worst(campaign.outcomes)
    if not len(campaign.trials):
        return "No trial has ended yet."
    if not survived.n:
        return "No fault was activated, so this campaign says nothing about the driver."
    share = f"{survived.k} of {survived.n} activated faults were masked or recovered, {survived.percent} "
    if bad <= Outcome.RECOVERED:
        return f"{share}{survived.interval}; nothing worse was seen."
    return f"{share}{survived.interval}; the worst outcome was {bad.name}, {times(campaign.outcomes[bad.name])}."


def golden_sentence(campaign: Campaign) -> str:
    """What the fault-free trials say of the instrument."""
    if not campaign.golden:
        return "There were no golden trials, so false alarms would go unnoticed."
    if not campaign.false_positives:
        return f"All {campaign.golden} golden trials were clean: no detection, no recovery, no error without a fault."
    return (
        f"{campaign.false_positives} of {campaign.golden} golden trials were not clean: they show a detection, "
        "a recovery or an error without a fault."
    )


def gap_sentence(campaign: Campaign) -> str:
    """Where the planned trials that were not injected went."""
    planned, injected = campaign.accounting["planned"], campaign.accounting["injected"]
    void, golden = campaign.accounting["void"], campaign.golden
    to_come = max(0, planned - len(campaign.trials))
    parts = [f"{golden} golden", f"{void} void", f"{to_come} not run yet"]
    never = planned - injected - golden - void - to_come
    return f"Planned but not injected: {', '.join(parts)}, {max(0, never)} whose trigger never fired."


def shares_title(groups: Mapping[str, Mapping[str, Counts]]) -> str:
    """The two groups of one kind that lie farthest apart, if their intervals are disjoint."""
    pairs = [(name, pair) for name in GROUPS if (pair := extremes(groups[name])) and pair[0][0].high < pair[1][0].low]
    if not pairs:
        return "No driver, injector or policy stands out: their intervals overlap"
    name, ((least, low), (most, high)) = max(pairs, key=lambda item: item[1][1][0].share - item[1][0][0].share)
    first, second = CONTRASTS[name]
    return f"{first} {high} ({most.percent}), {second} {low} ({least.percent})"


CONTRASTS = {
    "driver": ("Most faults are survived by", "fewest by"),
    "injector": ("Most often survived is", "least often"),
    "policy": ("Most faults are survived with", "fewest with"),
}


def extremes(groups: Mapping[str, Counts]) -> tuple[tuple[Rate, str], tuple[Rate, str]] | None:
    """The group that survives least and the one that survives most; None if nothing was activated."""
    rates = [(survival(counts), value) for value, counts in groups.items() if survival(counts).n]
    ordered = sorted(rates, key=lambda item: item[0].share)
    return (ordered[0], ordered[-1]) if ordered else None


def came_back(frame: pd.DataFrame) -> Rate:
    """Trials in which the service came back, of those with a detected error."""
    detected = frame[frame["detected_by"].notna()]
    return rate(int(detected["recovery_ns"].notna().sum()), len(detected))


def recovery_title(campaign: Campaign) -> str:
    """How long recovery took."""
    values = numbers(campaign.faulty["recovery_ns"])
    if not values:
        return "No service came back from a detected error"
    return f"Half of the recoveries took {ms(quantile(values, 0.5))} or less; the slowest took {ms(max(values))}"


def detection_title(campaign: Campaign) -> str:
    """How soon the detectors saw an error."""
    medians = sorted(
        (quantile(numbers(frame["detection_latency_ns"]), 0.5), str(by))
        for by, frame in campaign.faulty.groupby("detected_by")
        if numbers(frame["detection_latency_ns"])
    )
    if not medians:
        return "Nothing was detected"
    (fast, first), (slow, last) = medians[0], medians[-1]
    if len(medians) == 1:
        return f"Errors were seen by {first}, after {ms(fast)} in the median"
    return f"Fastest to see an error was {first}, after {ms(fast)} in the median; slowest {last}, after {ms(slow)}"


def coverage(frame: pd.DataFrame) -> Rate:
    """Detected errors, of all that manifested."""
    manifested = frame[frame["manifested"].fillna(False)]
    return rate(int(manifested["detected_by"].notna().sum()), len(manifested))


def crash_title(campaign: Campaign) -> str:
    """Where the kernel crashed."""
    crashed = campaign.faulty[campaign.faulty["outcome"] == Outcome.CRASHED.name]
    if not len(crashed):
        bound = rate(0, campaign.survival.n)
        return f"No fault crashed the kernel: {bound}"
    functions = crashed["crash_function"].fillna(UNKNOWN).value_counts()
    name, count = str(functions.index[0]), int(functions.iloc[0])
    if count == 1 < len(crashed):
        return f"{len(crashed)} crashes, each in a function of its own"
    return f"{count} of {len(crashed)} crashes happened in {name}"


UNKNOWN = "(function unknown)"


def harm(frame: pd.DataFrame) -> dict[str, Rate]:
    """Function -> faults in it that ended LOST or worse, of those activated; most harmful first."""
    active = frame[frame["outcome"] > Outcome.INACTIVE.name]
    bad = active["outcome"] >= Outcome.LOST.name
    rates = {str(f): rate(int(bad[rows].sum()), len(rows)) for f, rows in active.groupby("target").groups.items()}
    return dict(sorted(rates.items(), key=lambda item: (-item[1].share, -item[1].n, item[0])))


def harm_title(frame: pd.DataFrame) -> str:
    """Which function suffers most from faults in its code."""
    rates = harm(frame)
    if not rates:
        return "No fault in code was activated"
    name, most = max(rates.items(), key=lambda item: (item[1].k, item[1].share))
    if not most.k:
        return "No fault in code ended LOST or worse"
    return f"Faults in {name} did the most harm: {most.k} of {most.n} activated ended LOST or worse"


def numbers(column: pd.Series[Any]) -> Sequence[float]:
    """The values that are there."""
    return [float(value) for value in column.dropna()]
