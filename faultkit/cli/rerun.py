"""`faultkit rerun`."""

from __future__ import annotations

from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.campaigns import Asked, carry_out, place_for
from faultkit.cli.results import latest, opened, result_argument
from faultkit.machine.qemu import Machine
from faultkit.running.named import named, several
from faultkit.running.rerun import Changes, experiment_of


@click.command(name="rerun", short_help="Run a stored fault list again, changed.")
@result_argument
@click.option(
    "--policy",
    metavar="POLICY",
    help="Another of `faultkit list policies`: nothing, 'restart_udriver(limit=1)', ...",
)
@click.option(
    "--monitors",
    metavar="LIST",
    help="Others of `faultkit list monitors`, separated by commas: kernel,requests; '' for none. "
    "More monitors are another template, hence another run.",
)
@click.option("--driver", metavar="DRIVER", help="The driver with other fields: 'nbd(hold_s=0)', ...")
@options.COUNT
@options.JOBS
@options.out("results/EXPERIMENT-again/TIME-SEED")
@click.option("--resume", is_flag=True, help="Go on with an interrupted rerun in --out (default: the latest one).")
@options.DRY_RUN
@options.again("one in 20, at most 5; none with kvm")
@options.as_json(options.CONCLUSION)
def command(
    result: Path,
    policy: str | None,
    monitors: str | None,
    driver: str | None,
    count: int | None,
    jobs: int | None,
    out: Path | None,
    resume: bool,
    dry_run: bool,
    again: int | None,
    as_data: bool,
) -> int:
    """Run the fault list of RESULT again: the same faults at the same sites, triggers, workloads and seeds.

    What may differ is the policy, the monitors and the driver; without a change, it runs on today's code and build.
    `faultkit compare` then finds pairs. A site that another build of the k-driver has moved is found again by
    function and offset; one that it does not have, or that holds other code there, makes its trial void. The results
    are those of an experiment EXPERIMENT-again.

    \b
    Examples:
      faultkit rerun quickstart_nbd --policy nothing
      faultkit rerun quickstart_nbd --driver 'nbd(hold_s=0)'
      faultkit compare quickstart_nbd quickstart_nbd-again
    """
    changes = Changes(
        policy=None if policy is None else named("policies", policy),
        monitors=None if monitors is None else several("monitors", monitors),
        driver=None if driver is None else named("drivers", driver),
    )
    with opened(result) as store:
        meta, loaded = store.meta(), experiment_of(store, changes)
    place = out or (latest(loaded.name) if resume else place_for(loaded.name, meta["seed"]))
    asked = Asked(
        experiment=loaded, seed=meta["seed"], count=count, jobs=jobs, out=place, resume=resume, dry_run=dry_run,
        again=again, machine=Machine(accel=meta["accel"], shift=meta["shift"]),
    )  # fmt: skip
    return carry_out(asked, as_data=as_data)
