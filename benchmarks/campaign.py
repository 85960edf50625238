"""Cost of a long campaign over all kinds of faults. `python -m benchmarks.campaign`; a part of `make bench`.

trials_per_core_hour   trials an hour, for each core at work
median_trial_s         of wall time                                                     (at most 0.6)
max_trial_s            of wall time, hangs included                                     (at most 5)
void_share             share of the trials that say nothing about their driver
cost_growth            wall time of the last hundred trials over that of the first hundred, which are the same ones
                                                                                        (at most 1.05)
monitors_3, monitors_6 the same for a golden trial with so many monitors, over one without (medians)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.two_thousand import AGAIN, TRIALS
from experiments.quickstart_nbd import GOLDEN
from faultkit.machine.image import image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import template
from faultkit.running.trial import run_trial
from faultkit.store import queries
from faultkit.store.store import Store

HERE = Path(__file__).parent
JOBS = 2
WITH_MONITORS = 15  # golden trials for each number of monitors
LINES = {"median_trial_s": ("at most", 0.6), "max_trial_s": ("at most", 5.0), "cost_growth": ("at most", 1.05)}


def figures() -> dict[str, float]:
    """Run the campaign and the golden trials; see above."""
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        out = Path(scratch) / "out"
        options = ["--seed", "1", "--jobs", str(JOBS), "--replay-sample", "0", "--out", str(out)]
        command = [sys.executable, "-c", "from faultkit.cli import main; main()", "run", str(HERE / "two_thousand.py")]
        subprocess.run([*command, *options], check=True, capture_output=True)
        with Store.open(out) as store:
            return {**of_campaign(store), **of_monitors()}


def of_campaign(store: Store) -> dict[str, float]:
    """The cost of the campaign, trial by trial."""
    walls = {each.n: each.wall_s for each in queries.took(store)}
    pairs = [(walls[n], walls[n + TRIALS - AGAIN]) for n in range(AGAIN) if {n, n + TRIALS - AGAIN} <= walls.keys()]
    return {
        "trials_per_core_hour": 3600 * TRIALS / (JOBS * (store.meta().wall_s or 0.0)),
        "median_trial_s": median(walls.values()),
        "max_trial_s": max(walls.values()),
        "void_share": 1 - len(walls) / TRIALS,
        "cost_growth": sum(last for _, last in pairs) / sum(first for first, _ in pairs),
    }


def of_monitors() -> dict[str, float]:
    """The cost of monitors in a golden trial: with none, three and six of them, in turn."""
    bases = {}
    for count in (0, 3, 6):
        golden = replace(GOLDEN, monitors=GOLDEN.monitors[:count])
        bases[count] = golden, template(golden, image(), Machine(), ())
    seconds: dict[int, list[float]] = {count: [] for count in bases}
    for _ in range(WITH_MONITORS):
        for count, (golden, base) in bases.items():
            seconds[count].append(run_trial(base, golden).wall_s)
    return {f"monitors_{count}": median(seconds[count]) / median(seconds[0]) for count in (3, 6)}


if __name__ == "__main__":
    for name, value in figures().items():
        print(f"{name:20} {value:9.3f}")
