"""Drivers that the slicer cut: the key `slicer` of benchmarks/latest.json.

Alone: `python -m benchmarks.slicer`. Of each driver, DRIVER before the name:

slice_s              seconds to read, plan and cut it, with an empty cache of sources that were read (at most 60)
lines_u_share        share of its lines that go to the process
bytes_k_ratio        bytes of the kernel's half, with all tables, over those of the whole driver (at most 0.8)
annotation_share     rows of annotations over its lines                                          (at most 0.01)
field_over_whole     bytes of fields that cross while it comes up, over those of whole objects
throughput_ratio     of the cut driver over the whole one, the worse direction                   (at least 0.99)
instruction_ratio    instructions per megabyte, the worse direction                              (at most 1.03)
init_ratio           virtual seconds from loading to a carrier, over those of the whole driver   (at most 1.3)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.microdriver import data_path, run_experiment
from experiments.microdriver.tables import costs
from faultkit.machine import cache
from faultkit.store.store import Store

DRIVERS = {"8139cp": "rtl8139_sliced", "8139too": "", "e1000": "e1000_sliced"}
"""Module -> the driver that `sliced_costs` measures; "" if there is none."""
LIMITS = {
    "slice_s": ("at most", 60.0),
    "bytes_k_ratio": ("at most", 0.8),
    "annotation_share": ("at most", 0.01),
    "throughput_ratio": ("at least", 0.99),
    "instruction_ratio": ("at most", 1.03),
    "init_ratio": ("at most", 1.3),
}
LINES = {f"{module} {name}": line for module in DRIVERS for name, line in LIMITS.items()}


def figures() -> dict[str, float]:
    """Cut each driver, and run the campaign."""
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        place = Path(scratch)
        found = {module: of_cut(module, place) for module in DRIVERS}
        run_experiment("sliced_costs", place / "costs")
        with Store.open(place / "costs") as store:
            for module, driver in DRIVERS.items():
                found[module] |= of_campaign(store, driver) if driver else {}
    return {f"{module} {name}": value for module, each in found.items() for name, value in each.items()}


def of_cut(module: str, place: Path) -> dict[str, float]:
    """The figures of one cut, by the command."""
    took_s = sliced_anew_s(module, place / f"{module}-cache")
    report, built = answer(module, "--report"), answer(module, "--build", str(place / module))
    return {
        "slice_s": took_s,
        "lines_u_share": float(built["process_share"]["lines"]),
        "bytes_k_ratio": float(built["bytes_ratio"]),
        "annotation_share": report["annotations"] / sum(report["lines"].values()),
    }


def sliced_anew_s(module: str, place: Path) -> float:
    """Seconds that a report takes, if only the kernel's sources are in the cache."""
    place.mkdir()
    answer(module, "--plan")  # unpacks the sources
    (place / "sources").symlink_to(cache.root() / "sources")
    begun = time.monotonic()
    answer(module, "--report", env={**os.environ, "FAULTKIT_CACHE": str(place)})
    return time.monotonic() - begun


def answer(module: str, *options: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The document of `faultkit slice`."""
    command = [sys.executable, "-m", "faultkit.cli", "slice", module, *options, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def of_campaign(store: Store, driver: str) -> dict[str, float]:
    """The figures of a driver that ran."""
    started = costs.initialisation_times(store)
    return {
        "field_over_whole": float(started["bytes"][driver] / started["bytes"][f"{driver}, whole"]),
        **data_path(store, driver),
        "init_ratio": float(started["init/whole"][driver]),
    }


if __name__ == "__main__":
    print(json.dumps(figures(), indent=1))
