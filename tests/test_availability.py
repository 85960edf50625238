"""Availability follows from what faults cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultkit.figures.select import activated
from faultkit.results import analysis
from faultkit.results.availability import YEAR_S, Downtime, downtime
from faultkit.running.judging import keep, keep_all
from faultkit.statistics.rates import rate
from faultkit.store.store import Store
from tests.records import EVENTS_OF, RESTORED, a_row, at
from tests.synthetic import meta


def test_known_values() -> None:
    hour = Downtime(back_s=3600.0, gone=rate(0, 10))
    assert hour.availability(between_s=3600.0, repair_s=1.0) == pytest.approx(0.5)
    half = Downtime(back_s=0.0, gone=rate(5, 10))
    assert half.mean_s(repair_s=300.0) == 150.0
    assert Downtime(back_s=10.0, gone=rate(1, 4)).mean_s(repair_s=300.0) == 0.75 * 10 + 0.25 * 300
    assert half.yearly_s(between_s=YEAR_S - 150.0, repair_s=300.0) == pytest.approx(150.0)


@settings(deadline=None)
@given(st.floats(0, 1e4), st.integers(0, 20), st.floats(1, 1e9), st.floats(0, 1e6))
def test_it_is_a_share_that_falls_with_what_is_lost(back_s: float, k: int, between_s: float, repair_s: float) -> None:
    cost = Downtime(back_s, rate(k, 20))
    low, middle, high = (
        cost.availability(between_s, back_s + repair_s, s) for s in (cost.gone.high, None, cost.gone.low)
    )
    assert 0 <= low <= middle + 1e-9 and middle <= high + 1e-9 <= 1 + 1e-9


def test_masked_faults_cost_nothing_and_others_their_outage(tmp_path: Path) -> None:
    end = at(2011, "workload.finished")
    with Store.create(tmp_path / "run", meta(4)) as store:
        keep_all(store, [a_row(0, *RESTORED, end), a_row(1, *EVENTS_OF["MASKED"], end), a_row(2, *EVENTS_OF["LOST"])])
        keep(store, a_row(3, *EVENTS_OF["INACTIVE"]))
    cost = downtime(activated(analysis.trials(tmp_path / "run")))
    assert cost.back_s == pytest.approx(1.0), "2 s and none"
    assert cost.gone.counts == "1/3"
