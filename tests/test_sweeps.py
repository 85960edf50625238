"""Tables of campaigns that vary one thing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from experiments.detector_table import command
from faultkit.model.events import Event
from faultkit.model.trial import Detectors
from faultkit.model.triggers import Every
from faultkit.results.sweeps import detector_table, throughput
from faultkit.running.judging import keep, keep_all
from faultkit.store.store import Store
from tests.records import RESTORED, a_row, at
from tests.synthetic import meta


def requests(op: str, count: int, end_ms: int) -> list[Event]:
    """So many of a kind from 100 ms on, and the end of the workload."""
    times = [100 + n * (end_ms - 100) / count for n in range(count)]
    issued = [at(ms, "request.issued", n=n, op=op) for n, ms in enumerate(times)]
    done = [at(ms + 1, "request.completed", n=n, op=op, latency_ns=1) for n, ms in enumerate(times)]
    return [*issued, *done, at(end_ms, "workload.finished", in_time=True)]


def test_throughput_is_told_as_the_share_of_the_golden_trials(tmp_path: Path) -> None:
    fill = [at(50, "request.issued", n=0, op="fill"), at(60, "request.completed", n=0, op="fill", latency_ns=1)]
    rows = [
        a_row(0, *fill, *requests("read", 100, 1100), fault=None, trigger=None),
        a_row(1, *fill, *requests("write", 40, 1100), fault=None, trigger=None),
        a_row(2, *RESTORED, *requests("read", 75, 1100), trigger=Every(2.0)),
        a_row(3, *RESTORED, *requests("write", 10, 1100), at(900, "read.mismatched", block=1), trigger=Every(2.0)),
    ]
    with Store.create(tmp_path / "run", meta(4)) as store:
        keep_all(store, rows)
        frame = throughput(store)
    assert list(frame["op"]) == ["read", "write", "read", "write"]
    assert list(frame["per_s"]) == [100, 40, 75, 10]
    assert [round(loss, 6) for loss in frame["loss"]] == [0, 0, 0.25, 0.75]
    assert list(frame["mismatched"]) == [0, 0, 0, 1] and list(frame["faults"]) == [0, 0, 1, 1]
    assert list(frame["interval_s"][2:]) == [2.0, 2.0] and frame["interval_s"][:2].isna().all()


@pytest.fixture
def watched(tmp_path: Path) -> Store:
    """Two timings; at the first, one of two golden trials raises an alarm, and both kills are told of."""
    store = Store.create(tmp_path / "run", meta(6))
    alarm = (at(5, "error.detected", by="heartbeat", what="x"), at(9, "error.gone"))
    quick, slow = Detectors(0.1, 0.2), Detectors(0.5, 2.0)
    golden: dict[str, Any] = {"fault": None, "trigger": None}
    keep(store, a_row(0, detectors=quick, **golden))
    keep(store, a_row(1, *alarm, detectors=quick, **golden))
    keep(store, a_row(2, *RESTORED, detectors=quick))
    keep(store, a_row(3, *RESTORED, detectors=quick))
    keep(store, a_row(4, detectors=slow, **golden))
    keep(store, a_row(5, void="lost", detectors=slow, **golden))
    return store


def test_false_alarms_and_delays_stand_by_timing(watched: Store) -> None:
    table = detector_table(watched).set_index(["beat_s", "injector", "detector"])
    false_alarm = table.loc[(0.1, "golden", "heartbeat")]
    assert (false_alarm["trials"], false_alarm["told"]) == (2, 1)
    assert math.isnan(false_alarm["p50_s"]), "there is no activation to count from"
    kill = table.loc[(0.1, "kill", "pidfd")]
    assert (kill["trials"], kill["told"], kill["p50_s"], kill["p95_s"]) == (2, 2, 0.001, 0.001)
    assert 0 < kill["low"] < 1 == kill["high"]


def test_timings_at_which_nobody_told_are_there_too(watched: Store) -> None:
    table = detector_table(watched)
    (row,) = table[table["beat_s"] == 0.5].to_dict("records")
    assert (row["injector"], row["trials"], row["told"], row["low"]) == ("golden", 1, 0, 0.0)


def test_a_command_prints_the_table_of_detectors(watched: Store) -> None:
    done = CliRunner().invoke(command, [str(watched.path)])
    assert done.exit_code == 0, done.output
    head, *rows = done.stdout.splitlines()
    assert head.split() == list(detector_table(watched).columns)
    assert len(rows) == len(detector_table(watched))
