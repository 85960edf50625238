"""`make bench`: the cost of a trial, alone and in a long campaign. Writes benchmarks/latest.json.

boot_over_fork   a trial by booting the guest anew, over the same trial on a fork        (at least 25)
overhead_share   share of a trial in which the guest does not execute: fork, plan, collect, store (at most 0.25)
jobs2_speedup    trials a second at two jobs over one                                     (at least 1.8)
load_100k_s      seconds to load 100 000 stored trials into pandas                        (under 5)
memory_growth    peak memory of a campaign of 100 000 trials over one of 1 000            (at most 1.2)
trial_s          median wall time of a trial

For the keys `campaign`, `microdriver` and `slicer` see benchmarks/campaign.py, microdriver.py and slicer.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks import campaign, microdriver, slicer
from benchmarks.longrun import LENGTHS
from faultkit.machine.image import image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, golden, pack, prepare, template
from faultkit.model.trial import Trial
from faultkit.results import analysis
from faultkit.running import experiment
from faultkit.running.campaign import run_valid, with_site
from faultkit.running.judging import keep
from faultkit.store.store import Store
from tests.synthetic import campaign as synthetic_campaign

HERE = Path(__file__).parent
LINES = {
    "boot_over_fork": ("at least", 25.0),
    "overhead_share": ("at most", 0.25),
    "jobs2_speedup": ("at least", 1.8),
    "load_100k_s": ("at most", 5.0),
    "memory_growth": ("at most", 1.2),
}


def main() -> None:
    """Measure, print, store."""
    asked = experiment.load_experiment("quickstart_nbd")
    plan = experiment.plan(asked, seed=1, count=None)
    (group,) = plan.groups.values()
    base = template(group.first, image(), Machine(), group.parts.values())
    trials = [with_site(n, trial, base) for n, trial in enumerate(islice(asked.trials(1), 48))]
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        place = Path(scratch)
        wall_s, share = costs(base, trials, place)
        figures = {
            "trial_s": median(wall_s),
            "overhead_share": share,
            "boot_over_fork": boot_over_fork(base, trials[0], list(group.parts.values()), place),
            "jobs2_speedup": speedup(),
            "load_100k_s": load_s(place),
            "memory_growth": memory_growth(),
        }
    show("", figures, LINES)
    campaigns = campaign.figures()
    show("campaign", campaigns, campaign.LINES)
    split = microdriver.figures()
    show("microdriver", split, microdriver.LINES)
    cut = slicer.figures()
    show("slicer", cut, slicer.LINES)
    groups = {"campaign": campaigns, "microdriver": split, "slicer": cut}
    (HERE / "latest.json").write_text(json.dumps({**figures, **groups}, indent=1) + "\n")


def show(group: str, figures: Mapping[str, float], lines: Mapping[str, tuple[str, float]]) -> None:
    """A line for each figure, with its limit and whether it is met."""
    for name, value in figures.items():
        bound, line = lines.get(name, ("", 0.0))
        met = {"at least": value >= line, "at most": value <= line}.get(bound, True)
        known = f"{bound} {line:g}" if bound else ""
        print(f"{f'{group} {name}'.strip():32} {value:9.3f}  {known:14} {'' if met else 'MISSED'}".rstrip(), flush=True)


def costs(base: Template, trials: list[Trial], place: Path) -> tuple[list[float], float]:
    """Wall seconds of each trial with storing it, and the share in which the guest did not execute."""
    walls, guests = [], []
    with Store.create(place / "costs", {"planned": len(trials)}) as store:
        for n, trial in enumerate(trials):
            start = time.monotonic()
            row = run_valid(base, n, trial)
            keep(store, row)
            walls.append(time.monotonic() - start)
            guests.append(row.record.guest_s if row.record else 0.0)
    return walls, 1 - sum(guests) / sum(walls)


def boot_over_fork(base: Template, trial: Trial, parts: list[object], place: Path) -> float:
    """Boot, prepare and run one trial, over running it on a fork (median of five)."""
    key, archive = pack(trial, base.image, base.machine, parts)
    fresh = place / "boot"
    fresh.mkdir()
    start = time.monotonic()
    prepare(fresh, base.image, base.machine, archive, golden(trial))
    run_valid(replace(base, path=fresh, key=key), 0, trial)
    boot_s, forks_s = time.monotonic() - start, []
    for _ in range(5):
        start = time.monotonic()
        run_valid(base, 0, trial)
        forks_s.append(time.monotonic() - start)
    return boot_s / median(forks_s)


def speedup() -> float:
    """The same campaign with one job and with two, twice in turn: the ratio of trials a second."""
    seconds = {1: 0.0, 2: 0.0}
    for jobs in (1, 2, 2, 1):
        seconds[jobs] += campaign_s(jobs)
    return seconds[1] / seconds[2]


def campaign_s(jobs: int, count: int = 36) -> float:
    """Seconds that the trials of a campaign take, templates at hand."""
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch:
        out = Path(scratch) / "out"
        options = ["--seed", "1", "--trials", str(count), "--jobs", str(jobs), "--out", str(out)]
        command = [sys.executable, "-c", "from faultkit.cli import main; main()", "run", "quickstart_nbd", *options]
        subprocess.run(command, check=True, capture_output=True, cwd=scratch)
        with Store.open(out) as store:
            return store.meta().wall_s or 0.0


def load_s(place: Path) -> float:
    """Seconds to load 100 000 synthetic trials."""
    synthetic_campaign(place / "synthetic", 100_000, requests=4)
    start = time.monotonic()
    frame = analysis.trials(place / "synthetic")
    if len(frame) != 100_000:
        raise RuntimeError(f"{len(frame)} rows loaded")
    return time.monotonic() - start


def memory_growth() -> float:
    """Peak memory of the long campaign over that of the short one, each in a process of its own."""
    short, long = (longrun_bytes(length) for length in LENGTHS)
    return long / short


def longrun_bytes(length: int) -> int:
    """Peak memory of a campaign with this number of trials."""
    command = [sys.executable, "-m", "benchmarks.longrun", str(length)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


if __name__ == "__main__":
    main()
