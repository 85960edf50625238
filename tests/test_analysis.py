"""A campaign as frames."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

import faultkit
from faultkit import figures
from faultkit.model.errors import HarnessError, UnmetNeed, UsageError
from faultkit.model.events import Outcome
from faultkit.results.analysis import DTYPES, EVENT_DTYPES, RATE_DTYPES, export, one_type
from faultkit.results.summary import accounting_by, by, survival
from faultkit.results.waits import WAIT_DTYPES
from faultkit.running.judging import keep, keep_all
from faultkit.store import queries
from faultkit.store.store import FILE, Store
from tests.records import MS, RESTORED, USUAL, CallError, a_golden_row, a_row, at
from tests.synthetic import campaign, meta

LIMIT_S = 5.0
DOCUMENT = (Path(__file__).parents[1] / "docs" / "notebooks.md").read_text()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """One trial of every usual outcome, a golden one and a void one."""
    with Store.create(tmp_path / "run", meta(10)) as store:
        keep_all(store, [a_row(n, *events, fault=CallError("nbd_open")) for n, events in enumerate(USUAL.values())])
        keep(store, a_golden_row(8))
        keep(store, a_row(9, void="QEMU ended with status 1"))
    return tmp_path / "run"


def test_there_is_a_row_per_trial_with_the_documented_columns(directory: Path) -> None:
    frame = faultkit.trials(directory)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: str(pd.api.types.pandas_dtype(dtype)) for name, dtype in DTYPES.items()
    }
    assert list(frame["trial"]) == list(range(10))


def test_outcomes_compare_by_severity(directory: Path) -> None:
    frame = faultkit.trials(directory)
    assert list(frame["outcome"][:8]) == list(USUAL)
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
    assert len(faultkit.events(directory)) == sum(map(len, USUAL.values()))
    assert faultkit.events(directory, 9).empty, "a void trial has none"
    assert faultkit.events(directory, []).empty


def test_events_of_some_kinds(directory: Path) -> None:
    everything = faultkit.events(directory)
    kinds = ["error.detected", "service.restored"]
    expected = everything[everything["kind"].isin(kinds)].reset_index(drop=True)
    pd.testing.assert_frame_equal(faultkit.events(directory, kinds=kinds), expected)
    assert set(faultkit.events(directory, 2, "service.restored")["t_ns"]) == {40 * MS}
    assert faultkit.events(directory, kinds="no.such").empty


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_batches_are_all_events_in_order_a_few_trials_at_a_time(directory: Path, size: int) -> None:
    batches = list(faultkit.event_batches(directory, size=size))
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), faultkit.events(directory))
    assert all(batch["trial"].nunique() <= size for batch in batches)


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
        keep(store, a_row(0, *RESTORED))
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
    assert list(frame.columns[: len(DTYPES) + 1]) == [*DTYPES, "seed"]
    assert list(frame["outcome"][:8]) == list(USUAL)


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


def documented(heading: str) -> dict[str, str]:
    """Column -> dtype, as docs/notebooks.md has them under a heading."""
    section = DOCUMENT.split(f"## Columns of `{heading}`\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE))


def dtypes(frame: pd.DataFrame, columns: Mapping[str, object]) -> dict[str, str]:
    """Column -> dtype, as they are."""
    return {name: str(frame[name].dtype) for name in columns}


def test_columns_are_what_the_documentation_says(directory: Path) -> None:
    results = faultkit.load(directory)
    assert documented(".trials") == dtypes(results.trials, DTYPES)
    assert documented(".events") == dtypes(results.events(), EVENT_DTYPES)
    assert documented(".rates") == dtypes(results.rates(), RATE_DTYPES)
    assert documented(".recovery_times") == dtypes(results.recovery_times(), WAIT_DTYPES)


def test_every_chart_is_documented() -> None:
    section = DOCUMENT.split("## Charts\n", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {*figures.__all__} - {"recovery_times"}


@pytest.mark.parametrize("column", ["injector", "policy", "driver"])
def test_rates_are_those_of_the_summary(tmp_path: Path, column: str) -> None:
    results = faultkit.load(campaign(tmp_path / "run", 200))
    found = results.rates(column).set_index(column)
    with Store.open(results.path) as store:
        accounts, counts = accounting_by(store, column), by(store, column)
    for value in set(accounts) - {"golden"}:
        row, rate = found.loc[value], survival(counts[value])
        assert {name: row[name] for name in accounts[value]} == accounts[value]
        assert (row["survived"], row["share"], row["low"], row["high"]) == (rate.k, rate.share, rate.low, rate.high)
    assert set(found.index) == set(accounts) - {"golden"}


def test_rates_by_several_columns_and_of_part_of_a_frame(tmp_path: Path) -> None:
    frame = faultkit.trials(campaign(tmp_path / "run", 200))
    both = faultkit.rates(frame, ["injector", "policy"])
    assert list(both.columns) == ["injector", "policy", *RATE_DTYPES]
    assert both["planned"].sum() == (frame["injector"] != "golden").sum()
    kills = faultkit.rates(frame[frame["injector"] == "kill"], "policy").set_index("policy")
    expected = both[both["injector"] == "kill"].set_index("policy").drop(columns="injector")
    pd.testing.assert_frame_equal(kills, expected)


def test_rates_of_nothing_and_by_nothing_there_is(directory: Path) -> None:
    frame = faultkit.trials(directory)
    assert faultkit.rates(frame.iloc[:0]).empty
    with pytest.raises(UsageError, match="grouped by 'colour': there are trial, driver"):
        faultkit.rates(frame, "colour")


def test_recovery_times_say_how_each_wait_ended(directory: Path) -> None:
    times = faultkit.load(directory).recovery_times().set_index("outcome")["ended"]
    assert times.to_dict() == {
        "RECOVERED": "restored", "DISRUPTED": "restored", "LOST": "final", "HUNG": "open", "CORRUPT": "restored",
    }  # fmt: skip


def test_campaigns_are_compared_in_pairs(directory: Path, tmp_path: Path) -> None:
    with Store.create(tmp_path / "better", meta(10)) as store:
        keep_all(store, [a_row(n, *RESTORED, fault=CallError("nbd_open")) for n in range(8)])
    found = faultkit.load(tmp_path / "better").compare(faultkit.load(directory))
    assert found.paired and found.only == (5, 0)
    assert found.outcomes[Outcome.RECOVERED, Outcome.CORRUPT] == 1
    with pytest.raises(UsageError, match="differ in policy alone"):
        faultkit.load(directory).compare_by("policy")


def test_a_notebook_shows_a_campaign_and_a_trial(directory: Path) -> None:
    results = faultkit.load(directory)
    shown = results._repr_html_()
    assert shown.startswith("<pre") and "call_error" in shown and "planned 10" in shown
    story = results.trial(2)
    assert "service.restored" in story._repr_html_() and "trial 2: call_error in nbd_open" in str(story)
    with pytest.raises(UsageError, match="there is no trial 77"):
        results.trial(77)


def test_what_a_guest_says_is_no_markup(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0, at(1, "kernel.warn", text="<script>alert(1)</script>")))
    shown = faultkit.load(tmp_path / "run").trial(0)._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_the_fields_of_all_parts_are_columns() -> None:
    store = Path(__file__).with_name("stores") / "parts"
    found = faultkit.load(store).parameters()
    assert list(found["trial"]) == list(faultkit.trials(store)["trial"])
    with Store.open(store) as opened:
        plans = [each.plan for each in queries.planned(opened)]
    assert list(found["seed"]) == [plan["seed"] for plan in plans]
    for part in ("fault", "trigger", "workload", "driver"):
        for row, plan in zip(found.to_dict("records"), plans, strict=True):
            fields = {f"{part}.{name}": value for name, value in (plan[part] or {}).items() if name != "is"}
            for name, value in fields.items():
                if isinstance(value, (bool, int, float, str)):
                    assert row[name] == value or row[name] == str(value), name
    assert not [column for column in found if column.endswith(".is")]


def test_a_field_keeps_every_digit() -> None:
    assert list(one_type([1, None, (1 << 63) - 1])) == [1, pd.NA, (1 << 63) - 1]
    assert list(one_type([1, 1 << 64])) == ["1", str(1 << 64)]
    assert [str(one_type(values).dtype) for values in ([True, None], [1, 0.5], ["a", 1], [None])] == [
        "boolean", "Float64", "string", "string",
    ]  # fmt: skip


def test_tables_for_others_have_the_fields_too(tmp_path: Path) -> None:
    store = Path(__file__).with_name("stores") / "several"
    export(store, "csv", tmp_path / "trials.csv")
    export(store, "parquet", tmp_path / "trials.parquet")
    for table in (pd.read_csv(tmp_path / "trials.csv"), pd.read_parquet(tmp_path / "trials.parquet")):
        assert [column for column in table if str(column).startswith("fault.faults.1.")]
        assert set(table["trigger.nth"].dropna()) <= set(range(10_000))
