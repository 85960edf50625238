"""A campaign for `faultkit gate --until-decided`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path

import click

from faultkit.cli.campaigns import Asked, execute, place_for
from faultkit.cli.results import latest
from faultkit.cli.run import as_before
from faultkit.gate.until import UntilDecided
from faultkit.machine.qemu import Machine
from faultkit.running.experiment import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of the campaign that the gate runs: its size, seed, jobs and directory."""

    trials: int | None = None
    seed: int | None = None
    jobs: int | None = None
    out: Path | None = None
    resume: bool = False


def run_until(asked: Experiment, stop: UntilDecided, budget: RunOptions) -> Path:
    """Run an experiment until its gate is decided, or the budget ends. Returns the results' directory."""
    out, seed, count = budget.out, budget.seed, budget.trials
    if budget.resume:
        out = out or latest(asked.name)
        seed, count = as_before(out, seed, count)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    out = out or place_for(asked.name, seed)
    execute(
        Asked(
            experiment=replace(asked, stop=stop), seed=seed, count=count, jobs=budget.jobs, out=out,
            resume=budget.resume, dry_run=False, again=None, machine=Machine(),
        )
    )  # fmt: skip
    click.echo(f"results in {out}", err=True)
    return out
