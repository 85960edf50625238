"""`faultkit interference`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import guest_of, load_told, result_argument
from faultkit.running.interference import as_meta, interference
from faultkit.running.replay import replay_summary, spread
from faultkit.store.store import Store


@click.command(name="interference", short_help="Check that simultaneous trials do not disturb one another.")
@result_argument
@click.option(
    "--jobs", metavar="J", type=click.IntRange(min=2), help="Trials at a time (default: one a processor, at least 2)."
)
@click.option(
    "--sample", metavar="N", type=click.IntRange(min=1), help="N trials spread evenly over the campaign (default: all)."
)
@options.TRUST
@options.prints_json("`{jobs, trials, outcome_agrees, events_agree, differing}`")
def command(result: Path, jobs: int | None, sample: int | None, trust: bool, as_data: bool) -> None:
    """Check that trials at the same time do not disturb one another: run those of RESULT alone, and several at a time.

    Compares outcomes and all events, trial by trial. Prints the trials that differ, and stores the counts with the
    results.

    \b
    Examples:
      faultkit interference quickstart_nbd --sample 40
    """
    together = jobs or max(2, len(os.sched_getaffinity(0)))
    with Store.open(result, readonly=False) as store:
        chosen = spread(store, sample or len(store.done()))
        load_told(store, chosen, trust=trust)
        runs = []
        for run in interference(store, chosen, together, guest_of(store, terminal.progress())):
            runs.append(run)
            if not as_data and not (run.outcome_agrees and run.events_agree):
                click.echo(replay_summary(run))
        found = as_meta(runs, together)
        store.set_meta("interference", found)
    line = "{trials} trials, one and {jobs} at a time: outcome agrees in {outcome_agrees}, events in {events_agree}"
    click.echo(json.dumps(found) if as_data else line.format(**found))
