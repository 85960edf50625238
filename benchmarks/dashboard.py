"""`python -m benchmarks.dashboard`: the cost of a dashboard of many trials. Writes benchmarks/dashboard.json.

size_mb    of the file                                    (under 8 at 10 000 trials)
write_s    to read the store and write the file
memory_mb  peak, of the process that writes it
load_s     from opening it in headless Chromium until head and table are there, median of five    (under 2 at 10 000)
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from faultkit.report import write_dashboard
from tests.browser import browser, opened
from tests.synthetic import campaign

TRIALS = (1_000, 10_000, 100_000)
LINES = {"size_mb": 8.0, "load_s": 2.0}
HELD_AT = 10_000
LOADS = 5


def main(arguments: Sequence[str]) -> None:
    """Measure each length, print, store. With arguments: write one dashboard and print its cost."""
    if arguments:
        print(json.dumps(written(Path(arguments[0]), Path(arguments[1]))))
        return
    figures = {}
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        for count in TRIALS:
            figures[count] = measured(count, Path(scratch) / str(count))
            print(f"{count:7} trials  {'  '.join(f'{name} {value:.2f}' for name, value in figures[count].items())}")
    for name, line in LINES.items():
        if figures[HELD_AT][name] >= line:
            print(f"{name} at {HELD_AT} trials: MISSED, the line is {line:g}")
    Path(__file__).with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")


def measured(count: int, place: Path) -> dict[str, float]:
    """The cost of a made-up campaign's dashboard; a process of its own writes it."""
    run, out = campaign(place / "run", count), place / "report.html"
    command = [sys.executable, "-m", "benchmarks.dashboard", str(run), str(out)]
    costs: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"size_mb": out.stat().st_size / 1e6, **costs, "load_s": load_s(out, place / "profile")}


def written(run: Path, out: Path) -> dict[str, float]:
    """Seconds and memory that writing takes."""
    start = time.monotonic()
    write_dashboard([run], out)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"write_s": time.monotonic() - start, "memory_mb": peak_kb / 1e3}


def load_s(out: Path, profile: Path) -> float:
    """Median seconds until the page is ready."""
    with browser(profile) as chrome:
        return median(opened(chrome, out) for _ in range(LOADS)) / 1e3


if __name__ == "__main__":
    main(sys.argv[1:])
