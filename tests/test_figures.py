"""Charts show what the frames hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultkit import figures
from faultkit.figures.funnel import STAGES, stages
from faultkit.figures.harm import harm
from faultkit.figures.looks import log_ticks, thinned
from faultkit.figures.recovery import curve_of
from faultkit.figures.shares import counts_by
from faultkit.results import analysis
from faultkit.results.summary import by, survival
from faultkit.running.judging import keep, keep_all
from faultkit.store.store import Store
from tests.records import EVENTS_OF, RESTORED, Text, a_golden_row, a_row, at
from tests.synthetic import campaign, meta


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> analysis.Results:
    """A campaign with every outcome."""
    return analysis.load(campaign(tmp_path_factory.mktemp("results") / "run", 300))


def times(*rows: tuple[str, float]) -> pd.DataFrame:
    """Times as from `recovery_times`: how each trial ended, and after how many milliseconds."""
    return pd.DataFrame({"ended": [ended for ended, _ in rows], "watched_ns": [ms * 1e6 for _, ms in rows]})


def test_a_curve_with_all_back_is_the_share_that_was_back() -> None:
    curve = curve_of(times(("restored", 1), ("restored", 2), ("restored", 2), ("restored", 5)))
    assert [curve.at(ms * 1e6) for ms in (0.5, 1, 2, 4, 5, 9)] == [0, 0.25, 0.75, 0.75, 1, 1]
    assert str(curve) == "4 of 4 came back"


def test_what_ended_for_good_keeps_the_curve_below() -> None:
    early, late = (curve_of(times(("restored", 1), ("final", ms), ("restored", 3), ("final", ms))) for ms in (0.1, 50))
    assert early.at(1e9) == late.at(1e9) == 0.5, "however early it ended"
    assert str(early) == "2 of 4 came back, 2 ended for good"


def test_what_was_still_down_counts_as_long_as_it_was_watched() -> None:
    # Freireich's 6-MP arm: Kaplan-Meier as in every textbook (E. A. Gehan, Biometrika 52, 1965).
    remission = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    curve = curve_of(times(*(("restored", t) for t in remission), *(("open", t) for t in censored)))
    survival_at = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for t, expected in survival_at.items():
        assert 1 - curve.at(t * 1e6) == pytest.approx(expected, abs=0.0006)


endings = st.sampled_from(("restored", "final", "open"))


@settings(deadline=None)
@given(st.lists(st.tuples(endings, st.integers(1, 50)), min_size=1, max_size=40))
def test_a_curve_rises_within_its_band_and_drops_nothing(rows: list[tuple[str, float]]) -> None:
    curve = curve_of(times(*rows))
    assert curve.restored + curve.final + curve.open == len(rows)
    assert curve.share == sorted(curve.share) and all(0 <= share <= 1 for share in curve.share)
    assert all(low <= share + 1e-12 for low, share in zip(curve.low, curve.share, strict=True))
    assert all(share <= high + 1e-12 for high, share in zip(curve.high, curve.share, strict=True))
    if curve.final:
        assert curve.at(1e18) <= 1 - curve.final / len(rows) + 1e-12


def test_recovery_times_keep_every_detected_trial(tmp_path: Path) -> None:
    down = (*RESTORED[:4], at(900, "workload.finished"))
    with Store.create(tmp_path / "run", meta(5)) as store:
        keep_all(store, [a_row(0, *RESTORED), a_row(1, *EVENTS_OF["LOST"]), a_row(2, *down), a_row(3, *RESTORED[:2])])
        keep(store, a_golden_row(4))
    found = figures.recovery_times(analysis.load(tmp_path / "run"))
    assert list(found["trial"]) == [0, 1, 2]
    assert list(found["ended"]) == ["restored", "final", "open"]
    assert [ns / 1e6 for ns in found["watched_ns"]] == [28, 38, 888]


def test_stages_shrink_and_are_the_stores(results: analysis.Results) -> None:
    counts = stages(results.trials, planned=400)
    assert [*counts] == [*STAGES]
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert counts["planned"] == 400
    assert counts["activated"] == len(results.trials.query("injector != 'golden' and outcome > 'INACTIVE'"))
    drawn = figures.funnel(results.trials).data[0]
    assert list(drawn.y) == [*STAGES]


@pytest.mark.parametrize("column", ["driver", "injector", "function", "policy"])
def test_shares_are_the_stores(results: analysis.Results, column: str) -> None:
    with Store.open(results.path) as store:
        expected = {value: counts for value, counts in by(store, column).items() if value not in ("", "golden")}
    found = counts_by(results.trials, column)
    for value, counts in expected.items():
        assert survival(found[value]) == survival(counts)
    drawn = figures.survived_shares(results.trials, column).data[0]
    assert [*drawn.y][::-1] == sorted(found)
    bars = figures.outcome_shares(results.trials, column).data
    assert np.sum([bar.x for bar in bars], axis=0) == pytest.approx([100] * len(found))


def test_heat_counts_every_trial_and_puts_the_most_harmful_on_top(results: analysis.Results) -> None:
    drawn = figures.heat(results.trials, rows="injector").data[0]
    table = {
        (row, outcome): int(text or 0)
        for row, texts in zip(drawn.y, drawn.text, strict=True)
        for outcome, text in zip(drawn.x, texts, strict=True)
    }
    with Store.open(results.path) as store:
        for injector, counts in by(store, "injector").items():
            if injector != "golden":
                assert {name: table[injector, name] for name in counts} == counts
    worst = max(harm(results.trials, "injector").items(), key=lambda item: item[1].share)
    assert drawn.y[-1] == worst[0]


def test_crashes_and_detections_are_all_there(results: analysis.Results) -> None:
    crashed = figures.crashes(results.trials)
    assert sum(sum(bar.x) for bar in crashed.data) == (results.trials["outcome"] == "CRASHED").sum()
    names = figures.detection(results.trials).layout.yaxis.ticktext
    seen = results.trials["detected_by"].value_counts()
    assert sorted(text.split()[0] for text in names) == sorted(seen.index)
    assert all(f"n={seen[text.split()[0]]}" in text for text in names)


@pytest.mark.parametrize(
    "draw",
    [figures.availability, figures.crashes, figures.detection, figures.heat, figures.outcome_shares,
     figures.survived_shares],
)  # fmt: skip
def test_where_there_is_nothing_to_draw_a_chart_says_so(tmp_path: Path, draw: Any) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_golden_row(0))
    empty = draw(analysis.trials(tmp_path / "run"))
    assert isinstance(empty, go.Figure) and not empty.data
    assert empty.layout.annotations[0].text == "nothing to draw"


def test_a_policy_that_never_helps_has_a_curve_too(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        keep_all(store, [a_row(0, *EVENTS_OF["LOST"]), a_row(1, *EVENTS_OF["HUNG"], fault=Text())])
    drawn = figures.recovery(figures.recovery_times(analysis.load(tmp_path / "run")))
    assert drawn.data[-1].name == "restart_udriver: 0 of 2 came back, 1 ended for good, 1 still down"
    assert set(drawn.data[-1].y) == {0}


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.1, 1000, [0.1, 1, 10, 100, 1000]), (9, 60, [10, 20, 50]), (110, 180, [120, 140, 160, 180])],
)
def test_logarithmic_axes_have_round_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(ticks)


def test_thinning_keeps_the_extremes() -> None:
    assert thinned(range(10_000), 5) == [0, 2500, 5000, 7499, 9999]
    assert thinned([3, 1, 2], 5) == [1, 2, 3]
