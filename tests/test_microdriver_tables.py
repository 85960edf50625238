"""Tables of what splitting a driver costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import microdriver
from drivers.null_micro import NullMicro
from drivers.rtl8139 import Rtl8139
from drivers.rtl8139_micro import Rtl8139Micro
from experiments.microdriver.tables.costs import crossings, initialisation_times, throughput_table
from faultkit.model.events import Event
from faultkit.model.parts import Driver
from faultkit.running.judging import keep_all
from faultkit.store.store import Store
from tests.records import a_row, at
from tests.synthetic import meta


def store_of(place: Path, *rows: tuple[Driver, tuple[Event, ...]], of: str = "performance") -> Store:
    """A campaign of golden trials."""
    store = Store.create(place, meta(len(rows), experiment=of))
    keep_all(
        store, [a_row(n, *events, driver=driver, fault=None, trigger=None) for n, (driver, events) in enumerate(rows)]
    )
    return store


def moved(took_ms: int, busy_ms: int) -> tuple[Event, ...]:
    """A megabyte each way."""
    data = {"bytes": 1_000_000, "took_ns": took_ms * 1_000_000, "busy_ns": busy_ms * 1_000_000}
    return tuple(at(1, "transfer.measured", direction=direction, **data) for direction in ("send", "receive"))


def came_up(module: str, after_ms: int, **counts: int) -> tuple[Event, ...]:
    """Loaded twice, the second time for good."""
    loaded = (at(ms, "module.loaded", name=module) for ms in (50, 100))
    return (*loaded, at(100 + after_ms, "driver.brought_up", open_ns=2_000_000, **counts))


@pytest.fixture
def costs(tmp_path: Path) -> Store:
    """The split driver takes longer in one of three trials, and a tenth more instructions in two."""
    call = at(9, "cost.measured", call="upcall", samples=10, p50_ns=80, p99_ns=800)
    return store_of(
        tmp_path / "costs",
        *((Rtl8139(), moved(100, 80)) for _ in range(3)),
        *((Rtl8139Micro(), moved(*times)) for times in ((100, 88), (100, 88), (200, 80))),
        (NullMicro(), (call,)),
    )


@pytest.fixture
def coming(tmp_path: Path) -> Store:
    """Each driver once."""
    return store_of(
        tmp_path / "coming",
        (Rtl8139(), came_up("8139cp", 500)),
        (Rtl8139Micro(), came_up("rtl8139_micro", 600, crossings=20, bytes=90)),
        (Rtl8139Micro(whole=True), came_up("rtl8139_micro", 610, crossings=20, bytes=900)),
    )


def test_throughput_and_instructions_are_medians_with_their_ratio(costs: Store) -> None:
    row = throughput_table(costs).loc["send"]
    assert row["mb_s", "rtl8139"] == 10 and row["mb_s", "rtl8139_micro/rtl8139"] == 1
    assert row["mi_per_mb", "rtl8139"] == 10  # 80 ms at 8 ns an instruction
    assert row["mi_per_mb", "rtl8139_micro/rtl8139"] == pytest.approx(1.1)


def test_coming_up_counts_from_the_last_loading(coming: Store) -> None:
    table = initialisation_times(coming)
    assert list(table.index) == ["rtl8139", "rtl8139_micro", "rtl8139_micro, whole"]
    assert table["init_s"].tolist() == pytest.approx([0.5, 0.6, 0.61])
    assert table["init/whole"].tolist()[1:] == pytest.approx([1.2, 1.22]) and table["init/whole"].isna().iloc[0]
    assert table["bytes"].tolist() == [0, 90, 900]


def test_calls_are_told_in_instructions_too(costs: Store) -> None:
    assert crossings(costs).loc["upcall"].to_dict() == {
        "samples": 10, "p50_ns": 80, "p99_ns": 800, "p50_instructions": 10,
    }  # fmt: skip


def test_the_benchmark_takes_the_worse_direction(costs: Store, coming: Store) -> None:
    assert microdriver.read(costs, coming) == pytest.approx(
        {
            "throughput_ratio": 1.0,
            "instruction_ratio": 1.1,
            "init_s_native": 0.5,
            "init_s_split": 0.6,
            "upcall_p50_ns": 80.0,
            "upcall_p99_ns": 800.0,
        }
    )


def printed(result: Path) -> subprocess.CompletedProcess[str]:
    """The command's output for a result."""
    command = [sys.executable, "-m", "experiments.microdriver.tables", str(result)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_prints_the_tables_of_the_experiment(costs: Store) -> None:
    done = printed(costs.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("throughput: ") and "\ncrossings: " in done.stdout


def test_other_results_and_none_are_refused_in_a_line(tmp_path: Path) -> None:
    store_of(tmp_path / "other", of="quickstart_nbd")
    for result, complaint in ((tmp_path / "other", "is of quickstart_nbd: there are tables for "), (tmp_path, "")):
        done = printed(result)
        assert done.returncode == 2 and complaint in done.stderr and len(done.stderr.splitlines()) == 1
