"""`faultkit run`."""

from __future__ import annotations

import os
import secrets
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from faultkit import cache, campaign, doctor, experiment
from faultkit.campaign import Campaign
from faultkit.cli.results import RESULTS, built_guest, latest, link_latest
from faultkit.errors import HarnessError, UsageError
from faultkit.image import Image
from faultkit.outcome_table import OutcomeTable
from faultkit.progress import Bar
from faultkit.qemu import Machine
from faultkit.replay import replay, spread
from faultkit.store import FILE, Store
from faultkit.summary import accounting, replays
from faultkit.template import KEEP

AGAIN, AGAIN_EVERY = 5, 20  # so many trials are run again at the end, but no more than one in so many
VOID_SHARE = 0.05  # more than this, and the campaign did not measure what it was asked to


@click.command(name="run")
@click.argument("name", metavar="EXPERIMENT")
@click.option("--trials", "count", type=click.IntRange(min=1), help="Run only the first N trials.")
@click.option("--seed", type=click.IntRange(min=0), help="The experiment's seed (default: a new one, which is stored).")
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Trials at a time (default: one a processor).")
@click.option("--out", type=click.Path(path_type=Path), help="Results go here (default: results/EXPERIMENT/TIME-SEED).")
@click.option("--resume", is_flag=True, help="Go on with an interrupted campaign in --out (default: the latest one).")
@click.option("--dry-run", is_flag=True, help="Only say what would be run.")
@click.option("--replay-sample", "again", type=click.IntRange(min=0), help="Run N trials again (default: a few).")
@click.option("--accel", type=click.Choice(["tcg", "kvm"]), default="tcg", help="tcg is reproducible, kvm is not.")
@click.option("--shift", type=click.IntRange(0, 10), default=3, help="An instruction takes 2^N ns (default: 3).")
def command(
    name: str,
    count: int | None,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    resume: bool,
    dry_run: bool,
    again: int | None,
    accel: str,
    shift: int,
) -> int:
    """Run EXPERIMENT: one of ours by name (see `faultkit list`), or a file.py of yours."""
    asked = experiment.load(name)
    if resume:
        out = out or latest(asked.name)
        seed, count = as_before(out, seed, count)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    plan = experiment.plan(asked, seed, count)
    out = out or RESULTS / asked.name / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{seed}"
    if dry_run:
        click.echo(f"{asked.name}: {plan.count} trials, seed {seed}, {len(plan.groups)} template(s), into {out}")
        return 0
    if not resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty: give --resume to go on with it, or another --out")
    console = Console(stderr=True)
    guest = built_guest(console)
    if accel == "kvm":
        doctor.require_kvm(guest)
    machine = Machine(accel=accel, shift=shift)
    cores = jobs or len(os.sched_getaffinity(0))
    what = Campaign(
        experiment=asked, plan=plan, seed=seed, count=count, jobs=cores, machine=machine, image=guest, stop=asked.stop
    )
    try:
        with Bar(console) as bar:
            campaign.run(what, out, resume=resume, watcher=bar)
        run_again(out, again, guest, console)
    finally:
        link_latest(out)
    cache.prune("templates", KEEP)
    return conclude(out)


def run_again(out: Path, count: int | None, guest: Image, console: Console) -> None:
    """Replay a few trials, so that the results say how reproducible they are."""
    with Store.open(out, readonly=False) as store:
        ran = len(store.done()) - accounting(store)["void"]
        reproducible = store.meta()["accel"] == "tcg" and not replays(store)["runs"]
        sample = (min(AGAIN, ran // AGAIN_EVERY) if reproducible else 0) if count is None else min(count, ran)
        if sample:
            with console.status(f"running {sample} trials again"):
                deque(replay(store, spread(store, sample), 1, 1, guest), maxlen=0)


def as_before(out: Path, seed: int | None, count: int | None) -> tuple[int | None, int | None]:
    """The seed and the length of the campaign that is to go on, unless others are asked for."""
    if not (out / FILE).exists():
        return seed, count
    with Store.open(out) as store:
        meta = store.meta()
    return meta["seed"] if seed is None else seed, meta["planned"] if count is None else count


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
