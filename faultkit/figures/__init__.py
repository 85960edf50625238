"""Charts of campaigns, a function each, for notebooks; the dashboard draws the same ones.

    import faultkit
    from faultkit import figures

    results = faultkit.load("results/quickstart_nbd/latest")
    figures.heat(results.trials, rows="target").show()
    figures.recovery(figures.recovery_times(results)).show()

Each takes a tidy frame (mostly `results.trials`, a row per trial, see `faultkit.results.analysis.DTYPES`; `pairs`
takes a comparison, see `faultkit.results.compare`) and returns an ordinary `plotly.graph_objects.Figure`: change it
with `update_layout`, write it with `write_html`. Void and golden trials may be in the frame, they are left out where
they say nothing. Times are virtual. A frame in which there is nothing to draw gives an empty chart that says so.
"""

from faultkit.figures.availability import availability
from faultkit.figures.comparison import pairs
from faultkit.figures.detection import detection
from faultkit.figures.funnel import funnel
from faultkit.figures.harm import crashes, heat
from faultkit.figures.recovery import phases, recovery, recovery_times
from faultkit.figures.shares import outcome_shares, survived_shares

__all__ = [
    "availability",
    "crashes",
    "detection",
    "funnel",
    "heat",
    "outcome_shares",
    "pairs",
    "phases",
    "recovery",
    "recovery_times",
    "survived_shares",
]
