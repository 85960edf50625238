"""The cards of recovery: the time until the service was back, and the phases of that time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from faultkit import figures
from faultkit.figures.select import known_numbers
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card, Chart, ms
from faultkit.results.recoveries import PHASE_DTYPES, TRIAL, phase_quantiles
from faultkit.statistics.rates import Rate, quantile, rate
from faultkit.store.store import Store
from faultkit.verdict.episodes import all_phases as phases_of_events

MOST_PHASED = 5_000  # trials of which the phases are read
SUBTITLE = (
    "Kaplan-Meier curves with 95 % bands. Nothing is left out: what ended for good (LOST, CRASHED) is waited for in "
    "vain to the end, what was still down when its trial ended is censored there."
)
PHASES_SUBTITLE = (
    "Detected: since activation. First byte: from state back to the first request that completed. Recovered: from the "
    "first detection on. What came to no end is censored, not dropped; a dash lies beyond what was seen to end."
)


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """The recoveries of one policy."""

    policy: str
    back: Rate  # trials in which the service came back, of those with a detected error
    times_ns: Sequence[float]
    never: Mapping[str, int]  # outcomes of those whose service never came back


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One phase of recovery under one policy."""

    policy: str
    phase: str
    n: int
    incomplete: int
    quantiles: Sequence[str]


def recovery_card(campaign: StoredCampaign) -> Card:
    """Recovery time, by policy."""
    title = recovery_title(campaign.times)
    return Card(
        title=title,
        subtitle=SUBTITLE,
        short="Recovery",
        charts=[Chart("recovery", figures.recovery(campaign.times), title)],
        template="recovery.html.j2",
        values={
            "rows": [policy_row(str(policy), rows) for policy, rows in campaign.times.groupby("policy")],
            "outage": outage(campaign.times),
        },
    )


def policy_row(policy: str, times: pd.DataFrame) -> PolicyRow:
    """The recoveries of one policy, from its rows of `recovery_times`."""
    restored = times["ended"] == "restored"
    never = {str(name): int(count) for name, count in times[~restored]["outcome"].value_counts().items()}
    return PolicyRow(policy, rate(int(restored.sum()), len(times)), known_numbers(times["recovery_ns"]), never)


def recovery_title(times: pd.DataFrame) -> str:
    """The median and the slowest recovery."""
    values = known_numbers(times["recovery_ns"])
    if not values:
        return "No service came back from a detected error"
    return f"Half of the recoveries took {ms(quantile(values, 0.5))} or less; the slowest took {ms(max(values))}"


def outage(times: pd.DataFrame) -> str:
    """The time without a completed request where the service came back: often longer than recovery itself."""
    waited = known_numbers(times[times["recovery_ns"].notna()]["outage_ns"])
    if not waited:
        return ""
    half, most = ms(quantile(waited, 0.5)), ms(max(waited))
    return f"Outage where it came back: {half} in the median, {most} at most."


def phases_card(campaign: StoredCampaign) -> Card | None:
    """The phases of recoveries, by policy; None if there was no recovery."""
    times = campaign.times
    frame = read_phases(campaign.store, times)
    title = phases_title(frame)
    chart = Chart("phases", figures.phases(frame), title)
    if not chart:
        return None
    subtitle = PHASES_SUBTITLE
    if len(times) > MOST_PHASED:
        subtitle += f" Of a random sample of {MOST_PHASED} of {len(times)} trials with a detected error."
    rows = [phase_row(row) for row in phase_quantiles(frame, by=("policy",)).to_dict("records")]
    return Card(
        title=title,
        subtitle=subtitle,
        short="Phases",
        charts=[chart],
        template="phases.html.j2",
        values={"rows": rows},
    )


def read_phases(store: Store, times: pd.DataFrame) -> pd.DataFrame:
    """The phases of trials with a detected error, or of a random sample of them; columns as in PHASE_DTYPES."""
    some = times.sample(MOST_PHASED, random_state=0) if len(times) > MOST_PHASED else times
    rows = [
        (n, driver, injector, policy, *asdict(phase).values())
        for n, driver, injector, policy in zip(*(some[name] for name in TRIAL), strict=True)
        for phase in phases_of_events(store.events(n))
    ]
    return pd.DataFrame.from_records(rows, columns=list(PHASE_DTYPES)).astype(PHASE_DTYPES)


def phase_row(row: Mapping[Any, Any]) -> PhaseRow:
    """One phase, from a row of `phase_quantiles`."""
    lengths = [known_ms(row[f"{name}_ns"]) for name in ("p50", "p95", "p99")]
    return PhaseRow(str(row["policy"]), str(row["phase"]).replace("_", " "), row["n"], row["incomplete"], lengths)


def phases_title(frame: pd.DataFrame) -> str:
    """The phase of an attempt that takes longest."""
    steps = phase_quantiles(frame[frame["attempt"] > 0], by=()).dropna(subset=["p50_ns"])
    if steps.empty:
        return "No attempt at recovery came to its end"
    length_ns, phase = max(zip(steps["p50_ns"].astype(float), steps["phase"].astype(str), strict=True))
    return f"Of a recovery's phases, “{phase.replace('_', ' ')}” takes longest: {ms(length_ns)} in the median"


def known_ms(length_ns: float) -> str:
    """Nanoseconds as milliseconds; a dash for a quantile beyond the longest phase that ended."""
    return "-" if math.isnan(length_ns) else ms(length_ns)
