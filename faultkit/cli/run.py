"""`faultkit run`."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.campaigns import Asked, carry_out, place_for
from faultkit.cli.results import complete_experiments, latest
from faultkit.machine.qemu import Machine, checked_options
from faultkit.running import experiment
from faultkit.store.birth import vacant
from faultkit.store.store import Store


@click.command(name="run", short_help="Run an experiment.")
@click.argument("name", metavar="EXPERIMENT", shell_complete=complete_experiments)
@options.COUNT
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(min=0),
    help="The experiment's seed (default: a new one, which is stored, and part of the directory's name).",
)
@options.JOBS
@options.out("results/EXPERIMENT/TIME-SEED")
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the campaign in --out (default: the latest results), and run again trials that are void since the "
    "host lacked memory or disk, or QEMU was killed; refused if code, guest or list have changed.",
)
@options.DRY_RUN
@options.replay_sample("one in 20, at most 5; none with kvm")
@click.option(
    "--accel",
    metavar="tcg|kvm",
    type=click.Choice(["tcg", "kvm"]),
    default="tcg",
    help="tcg (default) is reproducible, kvm is not.",
)
@click.option(
    "--shift",
    metavar="N",
    type=click.IntRange(0, 10),
    default=3,
    help="An instruction takes 2^N ns of virtual time (default: 3).",
)
@click.option(
    "--kernel-options",
    metavar="OPTIONS",
    default="",
    help="More options for the guest's kernel, such as 'slub_debug=FZPU kfence.sample_interval=1', which find bugs of "
    "memory.",
)
@options.prints_json(options.CONCLUSION)
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
    kernel_options: str,
    as_data: bool,
) -> int:
    """Run a campaign: EXPERIMENT is one of ours by name (see `faultkit list`), or a file.py of yours.

    Prepares the templates (frozen guests, about 20 s each, once), runs the trials, and prints the outcome table and the
    results' directory. An experiment that declares a stopping rule (`STOP`) ends when the rule has decided. Ctrl-C
    lets the running trials end and stores them.

    \b
    Examples:
      faultkit run quickstart_nbd --seed 1
      faultkit run tests/own_driver/survives_faults.py --trials 20
      faultkit run quickstart_nbd --resume
      faultkit run quickstart_nbd --json > campaign.json
    """
    machine = Machine(accel=accel, shift=shift, kernel_options=checked_options(kernel_options))
    loaded = experiment.load_experiment(name)
    if resume:
        out = out or latest(loaded.name)
        seed, count = as_before(out, seed, count)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    asked = Asked(
        experiment=loaded, seed=seed, count=count, jobs=jobs, out=out or place_for(loaded.name, seed), resume=resume,
        dry_run=dry_run, again=again, machine=machine,
    )  # fmt: skip
    return carry_out(asked, as_data=as_data)


def as_before(out: Path, seed: int | None, count: int | None) -> tuple[int | None, int | None]:
    """The seed and the length of the campaign to continue, unless others are given."""
    if vacant(out):
        return seed, count
    with Store.open(out) as store:
        meta = store.meta()
    return meta.seed if seed is None else seed, meta.planned if count is None else count
