"""The card of recovery: how long it took until the service was back."""

from __future__ import annotations

from html import escape

import pandas as pd

from faultkit import figures
from faultkit.figures.select import numbers
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece, beside, card, chart, ms, note, quantile_cells, rate_cells, tallied
from faultkit.stats import Rate, quantile, rate

SUBTITLE = (
    "Kaplan-Meier curves with 95 % bands. Nothing is left out: what ended for good (LOST, CRASHED) is waited for in "
    "vain to the end, what was still down when its trial ended is censored there."
)


def recovery_card(campaign: Campaign) -> Piece:
    """Recovery time, by policy."""
    title = recovery_title(campaign.times)
    drawn = chart("recovery", title, figures.recovery(campaign.times))
    return card(title, beside(drawn, recovery_table(campaign.times)), subtitle=SUBTITLE, short="Recovery")


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
