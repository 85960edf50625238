"""The card of detection: who saw an error, how soon, and the failures that nobody saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from faultkit import figures
from faultkit.figures.select import failed, known_numbers, manifested
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card, Chart, ms
from faultkit.statistics.rates import Rate, quantile, rate

SUBTITLE = "Boxes: quartiles; lines: 5 to 95 %; points: trials. A microsecond stands for anything faster."
LISTED = 12  # undetected failures that are named


@dataclass(frozen=True, slots=True)
class DetectorRow:
    """The errors that one detector saw first; "nobody" stands for the undetected ones."""

    by: str
    share: Rate  # of the manifested
    latencies_ns: Sequence[float]


def detection_card(campaign: StoredCampaign) -> Card:
    """Detectors with their shares and latencies, and the undetected failures."""
    title, shown, bad = detection_title(campaign.faulty), manifested(campaign.trials), failed(campaign.trials)
    unseen = bad[bad["detected_by"].isna()]
    return Card(
        title=title,
        subtitle=SUBTITLE,
        short="Detection",
        charts=[Chart("detection", figures.detection(campaign.trials), title)],
        template="detection.html.j2",
        values={
            "coverage": rate(int(shown["detected_by"].notna().sum()), len(shown)),
            "rows": detector_rows(shown),
            "failures": rate(len(unseen), len(bad)),
            "unseen": {str(name): int(count) for name, count in unseen["outcome"].value_counts().items()},
            "listed": [int(n) for n in unseen["trial"].head(LISTED)],
            "more": len(unseen) > LISTED,
        },
    )


def detector_rows(shown: pd.DataFrame) -> list[DetectorRow]:
    """The manifested errors by the first to see them, most frequent first."""
    first = shown["detected_by"].fillna("nobody")
    return [
        DetectorRow(str(by), rate(int(count), len(shown)), known_numbers(shown[first == by]["detection_latency_ns"]))
        for by, count in first.value_counts().items()
    ]


def detection_title(trials: pd.DataFrame) -> str:
    """The fastest and the slowest detector."""
    medians = sorted(
        (quantile(known_numbers(rows["detection_latency_ns"]), 0.5), str(by))
        for by, rows in trials.groupby("detected_by")
        if known_numbers(rows["detection_latency_ns"])
    )
    if not medians:
        return "Nothing was detected"
    (fast, first), (slow, last) = medians[0], medians[-1]
    if len(medians) == 1:
        return f"Errors were seen by {first}, after {ms(fast)} in the median"
    return f"Fastest to see an error was {first}, after {ms(fast)} in the median; slowest {last}, after {ms(slow)}"
