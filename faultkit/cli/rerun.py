"""`faultkit rerun`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.campaigns import Asked, carry_out, place_for
from faultkit.cli.results import latest, load_told, result_argument
from faultkit.model.errors import UsageError
from faultkit.running.part_syntax import parse_part, parse_parts
from faultkit.running.replay import recorded_machine
from faultkit.running.rerun import Changes, experiment_of
from faultkit.store.store import Store

PLAIN_NAME = re.compile(r"\w[\w.-]{0,99}")


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
@options.replay_sample("one in 20, at most 5; none with kvm")
@options.TRUST
@options.prints_json(options.CONCLUSION)
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
    trust: bool,
    again: int | None,
    as_data: bool,
) -> int:
    """Run the fault list of RESULT again: the same faults at the same sites, triggers, workloads and seeds.

    Policy, monitors and driver may be changed; without a change, the list runs on today's code and build. Then
    `faultkit compare` finds pairs. If another build of the k-driver has moved a site, it is found by function and
    offset. If the site is missing or holds other code, its trial is void. The results are stored under the name
    EXPERIMENT-again.

    \b
    Examples:
      faultkit rerun quickstart_nbd --policy nothing
      faultkit rerun quickstart_nbd --driver 'nbd(hold_s=0)'
      faultkit compare quickstart_nbd quickstart_nbd-again
    """
    changes = Changes(
        policy=None if policy is None else parse_part("policies", policy),
        monitors=None if monitors is None else parse_parts("monitors", monitors),
        driver=None if driver is None else parse_part("drivers", driver),
    )
    with Store.open(result) as store:
        load_told(store, sorted(store.done()), trust=trust)
        meta, loaded = store.meta(), experiment_of(store, changes)
    if out is None and not PLAIN_NAME.fullmatch(loaded.name):
        raise UsageError(
            f"{result} names its experiment {loaded.name[:60]!r}, which is no name of a folder: give --out"
        )
    seed = meta.seed or 0
    place = out or (latest(loaded.name) if resume else place_for(loaded.name, seed))
    asked = Asked(
        experiment=loaded, seed=seed, count=count, jobs=jobs, out=place, resume=resume, dry_run=dry_run,
        again=again, machine=recorded_machine(meta),
    )  # fmt: skip
    return carry_out(asked, as_data=as_data)
