"""The card of detection: who saw an error, how soon, and what nobody saw."""

from __future__ import annotations

from html import escape

import pandas as pd

from faultkit import figures
from faultkit.figures.select import failed, manifested, numbers
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece, beside, card, chart, ms, note, quantile_cells, rate_cells, tallied
from faultkit.statistics.rates import Rate, quantile, rate

SUBTITLE = "Boxes: quartiles; lines: 5 to 95 %; points: trials. A microsecond stands for anything faster."
LISTED = 12  # undetected failures that are named


def detection_card(campaign: Campaign) -> Piece:
    """How soon an error was seen, and by whom."""
    title = detection_title(campaign.faulty)
    drawn = chart("detection", title, figures.detection(campaign.trials))
    tables = f"{detection_table(campaign.faulty)}{undetected(campaign.trials)}"
    return card(title, beside(drawn, tables), subtitle=SUBTITLE, short="Detection")


def detection_title(trials: pd.DataFrame) -> str:
    """How soon the detectors saw an error."""
    medians = sorted(
        (quantile(numbers(rows["detection_latency_ns"]), 0.5), str(by))
        for by, rows in trials.groupby("detected_by")
        if numbers(rows["detection_latency_ns"])
    )
    if not medians:
        return "Nothing was detected"
    (fast, first), (slow, last) = medians[0], medians[-1]
    if len(medians) == 1:
        return f"Errors were seen by {first}, after {ms(fast)} in the median"
    return f"Fastest to see an error was {first}, after {ms(fast)} in the median; slowest {last}, after {ms(slow)}"


def detection_table(trials: pd.DataFrame) -> str:
    """How many of the manifested errors each detector saw first, and how soon."""
    shown = manifested(trials)
    first = shown["detected_by"].fillna("nobody")
    rows = "".join(
        f'<tr><th scope="row">{escape(str(by))}</th>{rate_cells(rate(int(count), len(shown)))}'
        f"{quantile_cells(numbers(shown[first == by]['detection_latency_ns']))}</tr>"
        for by, count in first.value_counts().items()
    )
    return (
        f"{note(f'{coverage(trials)} of the manifested errors were detected.')}"
        '<div class="scroll"><table><thead><tr><th>seen first by</th><th class="num" colspan="3">of manifested, 95 %'
        '</th><th class="num">median</th><th class="num">90 %</th><th class="num">slowest</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def coverage(trials: pd.DataFrame) -> Rate:
    """Detected errors, of all that manifested."""
    shown = manifested(trials)
    return rate(int(shown["detected_by"].notna().sum()), len(shown))


def undetected(trials: pd.DataFrame) -> str:
    """The failures (LOST or worse) that nothing saw, and some of them by number."""
    bad = failed(trials)
    if bad.empty:
        return ""
    unseen = bad[bad["detected_by"].isna()]
    counts = tallied({str(name): int(count) for name, count in unseen["outcome"].value_counts().items()})
    links = ", ".join(f'<a href="#" data-trial="{n}">{n}</a>' for n in unseen["trial"].head(LISTED))
    more = ", …" if len(unseen) > LISTED else ""
    listed = f" Trials {links}{more}." if links else ""
    share = rate(len(unseen), len(bad))
    return (
        f'<p class="note"><b data-count="undetected">{len(unseen)}</b> of {len(bad)} failures (LOST or worse) '
        f"were seen by nobody, {share.percent} {share.interval}: {counts}.{listed}</p>"
    )
