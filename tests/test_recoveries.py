"""Detections and recovery phases of a campaign."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from faultkit.model.trial import Detectors
from faultkit.results.recoveries import (
    DETECTION_DTYPES,
    PHASE_DTYPES,
    PhaseTable,
    censored_quantile,
    detections,
    phase_quantiles,
    recovery_phases,
)  # fmt: skip
from faultkit.running.judging import keep, keep_all
from faultkit.store.store import Store
from tests.records import MS, RESTORED, USUAL, a_golden_row, a_row, at
from tests.synthetic import meta

LENGTHS = st.integers(1, 1000)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """One trial of every outcome, a golden one, a void one, and one whose detectors are others."""
    opened = Store.create(tmp_path / "run", meta(11))
    keep_all(opened, [a_row(n, *events) for n, events in enumerate(USUAL.values())])
    keep(opened, a_golden_row(8))
    keep(opened, a_row(9, void="QEMU ended with status 1"))
    both = (*RESTORED[:3], at(13, "error.detected", by="heartbeat", what="x"), *RESTORED[3:])
    keep(opened, a_row(10, *both, detectors=Detectors(beat_s=0.5, deadline_s=2.0)))
    return opened


def test_phases_are_tidy_rows(store: Store) -> None:
    frame = recovery_phases(store)
    assert {name: str(kind) for name, kind in frame.dtypes.items()}.keys() == PHASE_DTYPES.keys()
    recovered = frame[frame["phase"] == "recovered"].set_index("trial")
    assert recovered.loc[2, ["duration_ns", "complete"]].tolist() == [28 * MS, True]
    assert recovered.loc[4, ["duration_ns", "complete"]].tolist() == [38 * MS, False], "it gave up"
    assert set(frame["trial"]) == {2, 3, 4, 5, 7, 10}
    assert set(recovery_phases(store, 4)["trial"]) == {4}


def test_detections_are_tidy_rows(store: Store) -> None:
    frame = detections(store)
    assert list(frame.columns) == list(DETECTION_DTYPES)
    last = frame[frame["trial"] == 10]
    assert last[["detector", "rank", "latency_ns"]].to_numpy().tolist() == [["pidfd", 1, MS], ["heartbeat", 2, 2 * MS]]
    assert set(last["beat_s"]) == {0.5} and set(last["deadline_s"]) == {2.0}
    missed = frame[frame["detector"].isna()]
    assert list(missed["trial"]) == [1, 6] and not missed["failed"].any(), "activated, and nobody told"


def test_quantiles_count_what_gave_up(store: Store) -> None:
    frame = phase_quantiles(recovery_phases(store)).set_index("phase")
    row = frame.loc["recovered"]
    assert (row["n"], row["incomplete"]) == (6, 2)
    assert row["p50_ns"] == 28 * MS
    assert math.isnan(row["p99_ns"]), "a third had not come back when they were last seen"


def test_the_table_is_printed_and_given_to_scripts(store: Store) -> None:
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        console.print(PhaseTable.of(store))
    assert "nbd under restart_udriver" in capture.get() and "28.0" in capture.get()
    rows = json.loads(json.dumps(PhaseTable.of(store).as_json()))
    assert next(row for row in rows if row["phase"] == "recovered")["p99_ns"] is None


def test_without_errors_the_table_says_so(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store, (console := Console(width=100)).capture() as capture:
        keep(store, a_golden_row(0))
        console.print(PhaseTable.of(store))
    assert "no error was detected" in capture.get()


@settings(deadline=None)
@given(st.lists(LENGTHS, min_size=1), st.floats(0.01, 0.99))
def test_without_censoring_a_quantile_is_one_of_the_durations(lengths: list[int], q: float) -> None:
    found = censored_quantile(lengths, [True] * len(lengths), q)
    assert found in lengths
    assert sum(length <= found for length in lengths) >= q * len(lengths) - 1e-9
    assert sum(length < found for length in lengths) <= q * len(lengths) + 1e-9


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 1000), st.booleans()), min_size=1), st.integers(1, 1000), st.floats(0.01, 0.99)
)
def test_one_more_that_gave_up_never_makes_recovery_look_faster(
    rows: list[tuple[int, bool]], gave_up_after: int, q: float
) -> None:
    lengths, complete = [length for length, _ in rows], [done for _, done in rows]
    without = censored_quantile(lengths, complete, q)
    with_it = censored_quantile([*lengths, gave_up_after], [*complete, False], q)
    assert math.isnan(with_it) or with_it >= without


def test_the_known_answer_of_kaplan_and_meier() -> None:
    """Their own example: deaths at 0.8, 3.1, 5.4, 9.2 months, losses at 1.0, 2.7, 7.0, 12.1."""
    lengths, complete = [0.8, 3.1, 5.4, 9.2, 1.0, 2.7, 7.0, 12.1], [True] * 4 + [False] * 4
    assert censored_quantile(lengths, complete, 0.1) == 0.8  # 0.875 survive it
    assert censored_quantile(lengths, complete, 0.3) == 3.1  # 0.875 * 4/5 = 0.7
    assert censored_quantile(lengths, complete, 0.475) == 5.4  # 0.7 * 3/4 = 0.525
    assert censored_quantile(lengths, complete, 0.7) == 9.2  # 0.525 * 1/2 = 0.2625
    assert math.isnan(censored_quantile(lengths, complete, 0.75))
