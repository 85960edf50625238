"""`python -m benchmarks.events [TRIALS]`: the cost of reading a million trials. Writes benchmarks/events.json.

load_s      to read the table of trials
kind_s      to read the events of one kind, of all trials
stream_s    to go through all events, a thousand trials at a time
*_memory_mb peak of a process that does only that
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

import faultkit
from faultkit.store.copies import multiply
from faultkit.store.database import FILE
from faultkit.store.store import Store
from tests.synthetic import campaign

TRIALS = 1_000_000
FIRST = 1_000  # made up one by one; the others are their copies
REQUESTS = 1  # of a trial: about twenty events


def main(arguments: Sequence[str]) -> None:
    """Measure, print, store. With a task and a directory: do the task and print its cost."""
    if len(arguments) == 2:
        print(json.dumps(costs(arguments[0], Path(arguments[1]))))
        return
    count = int(arguments[0]) if arguments else TRIALS
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        run = copied(campaign(Path(scratch) / "run", FIRST, requests=REQUESTS), count)
        figures = {"trials": count, "size_mb": (run / FILE).stat().st_size / 1e6}
        for task in ("load", "kind", "stream"):
            figures |= measured(task, run)
    print("  ".join(f"{name} {value:.1f}" for name, value in figures.items()))
    Path(__file__).with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")


def copied(run: Path, count: int) -> Path:
    """The campaign, its trials copied until there are `count`."""
    with Store.open(run, readonly=False) as store:
        multiply(store, count // FIRST)
    return run


def measured(task: str, run: Path) -> dict[str, float]:
    """The cost of a task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.events", task, str(run)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def costs(task: str, run: Path) -> dict[str, float]:
    """Rows read by a task, its seconds and its memory."""
    start = time.monotonic()
    rows = {"load": load, "kind": kind, "stream": stream}[task](run)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {f"{task}_rows": rows, f"{task}_s": time.monotonic() - start, f"{task}_memory_mb": peak_kb / 1e3}


def load(run: Path) -> int:
    """Load all trials; returns the number of rows."""
    return len(faultkit.load(run).trials)


def kind(run: Path) -> int:
    """Read the events of one kind, which most trials have once; returns their number."""
    return len(faultkit.events(run, kinds="fault.activated"))


def stream(run: Path) -> int:
    """Read all events, a thousand trials at a time; returns their number."""
    return sum(len(batch) for batch in faultkit.event_batches(run))


if __name__ == "__main__":
    main(sys.argv[1:])
