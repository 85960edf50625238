"""A campaign for `faultkit gate --until-decided`."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from faultkit import cache, campaign, experiment
from faultkit.campaign import Campaign
from faultkit.cli.results import RESULTS, built_guest, latest, link_latest
from faultkit.cli.run import as_before
from faultkit.errors import UsageError
from faultkit.experiment import Experiment
from faultkit.gate.until import UntilDecided
from faultkit.progress import Bar
from faultkit.qemu import Machine
from faultkit.template import KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be run, and where."""

    trials: int | None = None
    seed: int | None = None
    jobs: int | None = None
    out: Path | None = None
    resume: bool = False


def run_until(asked: Experiment, stop: UntilDecided, budget: Budget) -> Path:
    """Run an experiment until its gate is decided, or the budget ends. Returns where the results are."""
    out, seed, count = budget.out, budget.seed, budget.trials
    if budget.resume:
        out = out or latest(asked.name)
        seed, count = as_before(out, seed, count)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    out = out or RESULTS / asked.name / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{seed}"
    if not budget.resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty: give --resume to go on with it, or another --out")
    plan, console = experiment.plan(asked, seed, count), Console(stderr=True)
    what = Campaign(
        experiment=asked, plan=plan, seed=seed, count=count, jobs=budget.jobs or len(os.sched_getaffinity(0)),
        machine=Machine(), image=built_guest(console), stop=stop,
    )  # fmt: skip
    try:
        with Bar(console) as bar:
            campaign.run(what, out, resume=budget.resume, watcher=bar)
    finally:
        link_latest(out)
    cache.prune("templates", KEEP)
    click.echo(f"results in {out}", err=True)
    return out
