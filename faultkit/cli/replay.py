"""`faultkit replay`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import guest_of, load_told, result_argument
from faultkit.model.errors import UsageError
from faultkit.running.replay import replay, replay_summary, spread
from faultkit.store.store import Store


@click.command(name="replay", short_help="Run stored trials again, and compare all events.")
@result_argument
@click.argument("trials", type=click.IntRange(min=0), nargs=-1)
@click.option(
    "--sample", metavar="N", type=click.IntRange(min=1), help="Replay N trials spread evenly over the campaign."
)
@click.option("--times", metavar="N", type=click.IntRange(min=1), default=1, help="Run each N times (default: 1).")
@click.option("--jobs", metavar="J", type=click.IntRange(min=1), default=1, help="Trials at a time (default: 1).")
@options.TRUST
@options.prints_json("`{runs, outcome_agrees, events_agree, differing}`, the last a list of trials")
def command(
    result: Path, trials: tuple[int, ...], sample: int | None, times: int, jobs: int, trust: bool, as_data: bool
) -> None:
    """Run stored TRIALS again, and compare the outcome and, bit for bit, all events of each.

    Prints the first difference, if there is one. Parts of your own are loaded, with a line that tells it, from where
    they are installed or from beside their experiment; from elsewhere with --trust. Makes a guest or template again
    that is no longer in the cache, from packages of the recorded versions. Refuses another QEMU, other code, and a
    guest whose packages Debian's archive no longer has. The counts are stored with the results, and shown with them.

    \b
    Examples:
      faultkit replay quickstart_nbd 12 --times 3
      faultkit replay quickstart_nbd --sample 10 --jobs 2
    """
    if bool(trials) == bool(sample):
        raise UsageError("replay: give the numbers of the trials, or --sample N")
    with Store.open(result, readonly=False) as store:
        chosen = list(trials) or spread(store, sample or 1)
        load_told(store, chosen, trust=trust)
        runs = []
        for again in replay(store, chosen, times, jobs, guest_of(store, terminal.progress())):
            runs.append(again)
            if not as_data:
                click.echo(replay_summary(again))
    agree = {"outcome_agrees": sum(r.outcome_agrees for r in runs), "events_agree": sum(r.events_agree for r in runs)}
    if as_data:
        differing = sorted({run.n for run in runs if not run.events_agree})
        click.echo(json.dumps({**agree, "runs": len(runs), "differing": differing}))
    else:
        click.echo(f"{len(runs)} runs: outcome agrees in {agree['outcome_agrees']}, events in {agree['events_agree']}")
