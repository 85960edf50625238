"""Availability of a service with a campaign's recovery times, under stated assumptions.

Faults that become active arrive at a constant rate, independent of one another, and are as in the campaign's list: of
the same kinds, in the same proportions. Each takes the service down for as long as its trial showed, in virtual
time; one that ended LOST or worse, for as long as somebody needs to repair it by hand. Nothing fails during a
repair. Then uptime and downtime alternate, and availability is mean uptime over mean uptime plus mean downtime
(an alternating renewal process, see K. S. Trivedi, "Probability and Statistics with Reliability, Queuing, and
Computer Science Applications", 2nd edition, 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from faultkit.model.events import Outcome
from faultkit.statistics.rates import Rate, rate

YEAR_S = 365.25 * 86_400
ASSUMPTIONS = (
    "Faults that become active arrive at a constant rate, independently, and are of the kinds and proportions "
    "of this campaign's list.",
    "One that was MASKED costs no time; one that was RECOVERED or DISRUPTED, the outage that its trial showed, in "
    "virtual time; one that ended LOST or worse, the time of a repair by hand.",
    "Nothing fails while it is down. The range is that of the exact interval of the share LOST or worse, no other.",
)


@dataclass(frozen=True, slots=True)
class Downtime:
    """The mean downtime after an activated fault."""

    back_s: float  # mean outage of those that ended DISRUPTED or milder, MASKED ones being 0
    gone: Rate  # LOST or worse, of all activated

    def mean_s(self, repair_s: float, share: float | None = None) -> float:
        """Mean downtime of a fault, if a repair by hand takes `repair_s`; `share` replaces the share LOST or worse."""
        lost = self.gone.share if share is None else share
        return (1 - lost) * self.back_s + lost * repair_s

    def yearly_s(self, between_s: float, repair_s: float, share: float | None = None) -> float:
        """Seconds down in a year, if faults come every `between_s` of uptime on average."""
        mean_s = self.mean_s(repair_s, share)
        return YEAR_S * mean_s / (between_s + mean_s)

    def availability(self, between_s: float, repair_s: float, share: float | None = None) -> float:
        """Fraction of the time that the service is up."""
        return 1 - self.yearly_s(between_s, repair_s, share) / YEAR_S


def downtime(activated: pd.DataFrame) -> Downtime:
    """The cost of some trials with an activated fault, rows of `faultkit.load(RESULT).trials`."""
    gone = activated["outcome"] >= Outcome.LOST.name
    back = activated[~gone]
    outage = back["outage_ns"].fillna(0).where(back["outcome"] > Outcome.MASKED.name, 0)
    mean_ns = float(outage.mean()) if len(back) else 0.0
    return Downtime(mean_ns / 1e9, rate(int(gone.sum()), len(activated)))
