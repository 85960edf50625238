"""What `run`, `rerun` and `gate` share: a campaign with a bar, a few replays, and the outcome table at the end."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from faultkit import doctor, experiment
from faultkit.cli.results import RESULTS, built_guest, link_latest
from faultkit.errors import FaultkitError, HarnessError, UsageError
from faultkit.experiment import Experiment
from faultkit.machine import cache
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import KEEP
from faultkit.results.outcome_table import OutcomeTable
from faultkit.results.summary import VOID_SHARE, accounting, replays
from faultkit.running import campaign
from faultkit.running.campaign import Campaign
from faultkit.running.progress import Bar
from faultkit.running.replay import replay, spread
from faultkit.store import Store

AGAIN, AGAIN_EVERY = 5, 20  # so many trials are run again at the end, but no more than one in so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A campaign as it was asked for."""

    experiment: Experiment
    seed: int
    count: int | None  # only the first trials
    jobs: int | None  # None: one a processor
    out: Path
    resume: bool
    dry_run: bool
    again: int | None  # trials to run again; None: a few
    machine: Machine


def place_for(name: str, seed: int) -> Path:
    """Where new results of an experiment go."""
    return RESULTS / name / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{seed}"


def carry_out(asked: Asked) -> int:
    """Run it, and say what came of it; with `dry_run` only what would be run. Raises: as `campaign.run`."""
    if asked.dry_run:
        plan = experiment.plan(asked.experiment, asked.seed, asked.count)
        templates = f"{len(plan.groups)} template(s)"
        click.echo(f"{asked.experiment.name}: {plan.count} trials, seed {asked.seed}, {templates}, into {asked.out}")
        return 0
    execute(asked)
    return conclude(asked.out)


def execute(asked: Asked) -> None:
    """Run it, and a few of its trials again. Raises: as `campaign.run`."""
    plan, out = experiment.plan(asked.experiment, asked.seed, asked.count), asked.out
    if not asked.resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty: give --resume to go on with it, or another --out")
    console = Console(stderr=True)
    guest = built_guest(console)
    if asked.machine.accel == "kvm":
        doctor.require_kvm(guest)
    what = Campaign(
        experiment=asked.experiment, plan=plan, seed=asked.seed, count=asked.count, machine=asked.machine, image=guest,
        jobs=asked.jobs or len(os.sched_getaffinity(0)), stop=asked.experiment.stop,
    )  # fmt: skip
    try:
        with Bar(console) as bar:
            campaign.run(what, out, resume=asked.resume, watcher=bar)
        run_again(out, asked.again, guest, console)
    finally:
        link_latest(out)
    cache.prune("templates", KEEP)


def run_again(out: Path, count: int | None, guest: Image, console: Console) -> None:
    """Replay a few trials, so that the results say how reproducible they are; if they cannot be, the results stay."""
    with Store.open(out, readonly=False) as store:
        sample = sample_size(store, count)
        if not sample:
            return
        store.set_meta("finished", None)
        try:
            with console.status(f"running {sample} trials again"):
                deque(replay(store, spread(store, sample), 1, 1, guest), maxlen=0)
        except FaultkitError as reason:
            console.print(f"trials could not be run again: {reason}", highlight=False)
        finally:
            store.set_meta("finished", campaign.now())


def sample_size(store: Store, count: int | None) -> int:
    """How many trials to run again: as many as asked for, or a few, once, where they are reproducible."""
    ran = len(store.done()) - accounting(store)["void"]
    if count is not None:
        return min(count, ran)
    reproducible = store.meta()["accel"] == "tcg" and not replays(store)["runs"]
    return min(AGAIN, ran // AGAIN_EVERY) if reproducible else 0


def conclude(out: Path) -> int:
    """The outcome table, and whether enough trials were valid."""
    with Store.open(out) as store:
        Console().print(OutcomeTable.of(store))
        ran, void = len(store.done()), accounting(store)["void"]
        reasons = [reason for (reason,) in store.query("SELECT void FROM trials WHERE void IS NOT NULL LIMIT 1")]
    click.echo(f"results in {out}")
    if void > VOID_SHARE * ran:
        raise HarnessError(f"{void} of {ran} trials are void, the first: {reasons[0]}")
    return 0
