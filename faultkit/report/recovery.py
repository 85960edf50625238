"""The card of recovery: how long it took until the service was back."""

from __future__ import annotations

import math
from html import escape

import pandas as pd

from faultkit import figures
from faultkit.figures.select import numbers
from faultkit.report.campaign import MOST_PHASED, Campaign
from faultkit.report.markup import Piece, beside, card, chart, ms, note, quantile_cells, rate_cells, tallied
from faultkit.results.recoveries import phase_quantiles
from faultkit.statistics.rates import Rate, quantile, rate

SUBTITLE = (
    "Kaplan-Meier curves with 95 % bands. Nothing is left out: what ended for good (LOST, CRASHED) is waited for in "
    "vain to the end, what was still down when its trial ended is censored there."
)
PHASES_SUBTITLE = (
    "Detected: since activation. First byte: from state back to the first request that completed. Recovered: from the "
    "first detection on. What came to no end is censored, not dropped; a dash lies beyond what was seen to end."
)


def recovery_card(campaign: Campaign) -> Piece:
    """Recovery time, by policy."""
    title = recovery_title(campaign.times)
    drawn = chart("recovery", title, figures.recovery(campaign.times))
    return card(title, beside(drawn, recovery_table(campaign.times)), subtitle=SUBTITLE, short="Recovery")


def phases_card(campaign: Campaign) -> Piece:
    """Where the time of a recovery goes, by policy; nothing if there was none."""
    frame = campaign.phases
    title = phases_title(frame)
    drawn = chart("phases", title, figures.phases(frame))
    if not drawn.html:
        return Piece()
    subtitle = PHASES_SUBTITLE
    if len(campaign.times) > MOST_PHASED:
        subtitle += f" Of a random sample of {MOST_PHASED} of {len(campaign.times)} trials with a detected error."
    return card(title, beside(drawn, phases_table(frame)), subtitle=subtitle, short="Phases")


def phases_title(frame: pd.DataFrame) -> str:
    """The phase of an attempt that takes longest."""
    steps = phase_quantiles(frame[frame["attempt"] > 0], by=()).dropna(subset=["p50_ns"])
    if steps.empty:
        return "No attempt at recovery came to its end"
    length_ns, phase = max(zip(steps["p50_ns"].astype(float), steps["phase"].astype(str), strict=True))
    return f"Of a recovery's phases, “{phase.replace('_', ' ')}” takes longest: {ms(length_ns)} in the median"


def phases_table(frame: pd.DataFrame) -> str:
    """Quantiles of each phase, by policy."""
    rows = "".join(
        f'<tr><th scope="row">{escape(str(row["policy"]))}</th><td>{str(row["phase"]).replace("_", " ")}</td>'
        f'<td class="num">{row["n"]}</td><td class="num">{row["incomplete"] or "·"}</td>'
        + "".join(f'<td class="num">{known_ms(row[f"{name}_ns"])}</td>' for name in ("p50", "p95", "p99"))
        + "</tr>"
        for row in phase_quantiles(frame, by=("policy",)).to_dict("records")
    )
    return (
        '<div class="scroll"><table class="phases"><thead><tr><th>policy</th><th>phase</th><th class="num">n</th>'
        '<th class="num">without end</th><th class="num">median</th><th class="num">95 %</th>'
        f'<th class="num">99 %</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def known_ms(length_ns: float) -> str:
    """Milliseconds; a dash for what lies beyond what was seen to end."""
    return "-" if math.isnan(length_ns) else ms(length_ns)


def recovery_title(times: pd.DataFrame) -> str:
    """How long recovery took."""
    values = numbers(times["recovery_ns"])
    if not values:
        return "No service came back from a detected error"
    return f"Half of the recoveries took {ms(quantile(values, 0.5))} or less; the slowest took {ms(max(values))}"


def recovery_table(times: pd.DataFrame) -> str:
    """Recovery time by policy, and what became of those that never came back."""
    rows = "".join(
        f'<tr><th scope="row">{escape(str(policy))}</th>{rate_cells(came_back(rows))}'
        f"{quantile_cells(numbers(rows['recovery_ns']))}<td>{never_back(rows)}</td></tr>"
        for policy, rows in times.groupby("policy")
    )
    return (
        '<div class="scroll"><table><thead><tr><th>policy</th>'
        '<th class="num" colspan="3">came back of detected, 95 %</th><th class="num">median</th>'
        '<th class="num">90 %</th><th class="num">slowest</th><th class="wrap">never came back</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{outage_note(times)}"
    )


def came_back(times: pd.DataFrame) -> Rate:
    """Trials in which the service came back, of those with a detected error."""
    return rate(int((times["ended"] == "restored").sum()), len(times))


def never_back(times: pd.DataFrame) -> str:
    """The outcomes of detected trials whose service never came back."""
    rest = times[times["ended"] != "restored"]["outcome"].value_counts()
    return tallied({str(name): int(count) for name, count in rest.items()})


def outage_note(times: pd.DataFrame) -> str:
    """How long no request completed where the service came back: often longer than recovery itself."""
    waited = numbers(times[times["recovery_ns"].notna()]["outage_ns"])
    if not waited:
        return ""
    half, most = ms(quantile(waited, 0.5)), ms(max(waited))
    return note(f"Outage where it came back: {half} in the median, {most} at most.")
