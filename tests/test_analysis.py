"""A campaign as frames."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pandas as pd
import pytest

import faultkit
from faultkit.analysis import DTYPES, export
from faultkit.errors import HarnessError, UnmetNeed, UsageError
from faultkit.store import FILE, Store
from tests.records import EVENTS_OF, MS, RESTORED, CallError, a_golden_row, a_row
from tests.synthetic import campaign, meta

LIMIT_S = 5.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """One trial of every outcome, a golden one and a void one."""
    with Store.create(tmp_path / "run", meta(10)) as store:
        store.add_many(a_row(n, *events, fault=CallError("nbd_open")) for n, events in enumerate(EVENTS_OF.values()))
        store.add(a_golden_row(8))
        store.add(a_row(9, void="QEMU ended with status 1"))
    return tmp_path / "run"


def test_there_is_a_row_per_trial_with_the_documented_columns(directory: Path) -> None:
    frame = faultkit.trials(directory)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: str(pd.api.types.pandas_dtype(dtype)) for name, dtype in DTYPES.items()
    }
    assert list(frame["trial"]) == list(range(10))


def test_outcomes_compare_by_severity(directory: Path) -> None:
    frame = faultkit.trials(directory)
    assert list(frame["outcome"][:8]) == list(EVENTS_OF)
    assert list(frame.loc[frame["outcome"] >= "LOST", "trial"]) == [4, 5, 6, 7]
    assert frame["outcome"].max() == "CORRUPT"


def test_a_trial_is_what_the_store_says(directory: Path) -> None:
    row = faultkit.trials(directory).iloc[2]
    assert (row["driver"], row["injector"], row["target"]) == ("nbd", "call_error", "nbd_open")
    assert row["activated"] and row["manifested"] and not row["leaked"]
    assert (row["detection_latency_ns"], row["recovery_ns"]) == (1 * MS, 28 * MS)


def test_what_is_missing_is_missing(directory: Path) -> None:
    frame = faultkit.trials(directory)
    assert frame.loc[9, ["outcome", "activated", "recovery_ns", "wall_s"]].isna().all()
    assert frame.loc[9, "void"] == "QEMU ended with status 1"
    assert pd.isna(frame.loc[8, "target"]) and pd.isna(frame.loc[1, "recovery_ns"])


def test_events_of_one_of_some_and_of_all_trials(directory: Path) -> None:
    one = faultkit.events(directory, 2)
    assert list(one.columns) == ["trial", "t_ns", "source", "kind", "data"]
    assert list(one["kind"]) == [event.kind for event in RESTORED]
    assert one["data"][2] == {"by": "pidfd", "what": "the u-driver died"}
    assert list(faultkit.events(directory, [4, 2])["trial"].unique()) == [2, 4]
    assert len(faultkit.events(directory)) == sum(map(len, EVENTS_OF.values()))
    assert faultkit.events(directory, 9).empty, "a void trial has none"
    assert faultkit.events(directory, []).empty


def test_events_of_a_trial_that_is_not_there(directory: Path) -> None:
    with pytest.raises(UsageError, match="there is no trial 77"):
        faultkit.events(directory, [2, 77])


def test_a_campaign_is_loaded_at_once(directory: Path) -> None:
    results = faultkit.load(str(directory))
    assert results.meta["seed"] == 7
    pd.testing.assert_frame_equal(results.trials, faultkit.trials(directory))
    pd.testing.assert_frame_equal(results.events(2), faultkit.events(directory, 2))


def test_a_link_will_do_for_a_directory(directory: Path) -> None:
    link = directory.parent / "latest"
    link.symlink_to(directory.name)
    assert len(faultkit.load(link).trials) == 10
    assert len(faultkit.events(link, 2)) == len(RESTORED)


def test_frames_are_read_while_a_campaign_runs(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(5)) as store:
        assert faultkit.trials(tmp_path / "run").empty
        store.add(a_row(0, *RESTORED))
        assert len(faultkit.trials(tmp_path / "run")) == 1


def test_no_results_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no results"):
        faultkit.load(tmp_path)


def test_a_hundred_thousand_trials_load_in_seconds(tmp_path: Path) -> None:
    file = campaign(tmp_path / "run", 100, requests=4) / FILE
    with sqlite3.connect(file) as db:
        columns = ", ".join(f"t.{name}" for _, name, *_ in list(db.execute("PRAGMA table_info(trials)"))[1:])
        copies = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 999) SELECT i FROM c"
        db.execute(f"INSERT INTO trials SELECT t.n + 100 * c.i, {columns} FROM trials t, ({copies}) c")  # noqa: S608
    start = time.process_time()  # not the clock on the wall: other processes may be in the way
    frame = faultkit.trials(tmp_path / "run")
    assert time.process_time() - start < LIMIT_S
    assert len(frame) == 100_000


def test_a_table_for_other_tools_has_all_rows_and_columns(directory: Path, tmp_path: Path) -> None:
    export(directory, "csv", tmp_path / "trials.csv")
    frame = pd.read_csv(tmp_path / "trials.csv")
    assert list(frame.columns) == list(DTYPES)
    assert list(frame["outcome"][:8]) == list(EVENTS_OF)


def test_parquet_keeps_the_types(directory: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    export(directory, "parquet", tmp_path / "trials.parquet")
    frame = pd.read_parquet(tmp_path / "trials.parquet")
    assert frame["outcome"].max() == "CORRUPT"
    assert list(frame["recovery_ns"].dropna()) == list(faultkit.trials(directory)["recovery_ns"].dropna())


def test_parquet_without_its_library_names_the_command(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", missing)
    with pytest.raises(UnmetNeed, match="pip install pyarrow"):
        export(directory, "parquet", tmp_path / "trials.parquet")


def test_another_format_is_a_usage_error(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'xlsx': there are csv and parquet"):
        export(directory, "xlsx", tmp_path / "trials.xlsx")


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_table_that_cannot_be_written_is_a_harness_error(directory: Path, tmp_path: Path, format: str) -> None:
    with pytest.raises(HarnessError, match="cannot be written"):
        export(directory, format, tmp_path / "nowhere" / "trials")
