"""Cost of splitting a driver: the key `microdriver` of benchmarks/latest.json.

Alone: `python -m benchmarks.microdriver`.

throughput_ratio    of rtl8139_micro over 8139cp, the worse direction           (at least 0.99)
instruction_ratio   instructions per megabyte, the worse direction              (at most 1.03)
init_s_native       virtual seconds from the k-driver's loading to a carrier
init_s_split        the same of rtl8139_micro
upcall_p50_ns       an empty upcall and its return, in virtual nanoseconds
upcall_p99_ns
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.microdriver.tables import costs
from faultkit.store.store import Store

SPLIT = "rtl8139_micro"
LINES = {"throughput_ratio": ("at least", 0.99), "instruction_ratio": ("at most", 1.03)}


def figures() -> dict[str, float]:
    """Run both campaigns."""
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        place = Path(scratch)
        run_experiment("performance", place / "performance")
        run_experiment("initialisation", place / "initialisation")
        with Store.open(place / "performance") as performance, Store.open(place / "initialisation") as initialisation:
            return read(performance, initialisation)


def run_experiment(experiment: str, out: Path) -> None:
    """Run one campaign in a process of its own."""
    command = [sys.executable, "-m", "faultkit.cli", "run", experiment, "--seed", "1", "--jobs", "1", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)


def read(performance: Store, initialisation: Store) -> dict[str, float]:
    """The figures of their tables."""
    started = costs.initialisation_times(initialisation)["init_s"]
    upcall = costs.crossings(performance).loc["upcall"].to_dict()
    return {
        **data_path(performance, SPLIT),
        "init_s_native": float(started[costs.TWINS[SPLIT]]),
        "init_s_split": float(started[SPLIT]),
        "upcall_p50_ns": float(upcall["p50_ns"]),
        "upcall_p99_ns": float(upcall["p99_ns"]),
    }


def data_path(store: Store, driver: str) -> dict[str, float]:
    """The costs of a split driver in the data path, over those of the whole one: of the worse direction."""
    table, pair = costs.throughput_table(store), f"{driver}/{costs.TWINS[driver]}"
    return {
        "throughput_ratio": float(table["mb_s", pair].min()),
        "instruction_ratio": float(table["mi_per_mb", pair].max()),
    }


if __name__ == "__main__":
    print(json.dumps(figures(), indent=1))
