"""`faultkit show`."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import result_argument
from faultkit.results.fingerprint import fingerprint
from faultkit.results.summary import counts_json
from faultkit.store.columns import GROUPS
from faultkit.store.store import Store
from faultkit.tables import timeline
from faultkit.tables.outcome_table import OutcomeTable


@click.command(name="show", short_help="Show outcomes, or the time line of a trial.")
@result_argument
@click.argument("trial", type=click.IntRange(min=0), required=False)
@click.option(
    "--by",
    "column",
    metavar="COLUMN",
    type=click.Choice(GROUPS),
    default="injector",
    help=f"What the rows are: {', '.join(GROUPS)} (default: injector).",
)
@click.option(
    "--phases",
    "phases",
    is_flag=True,
    help="How long each phase of recovery took, by driver and policy, of the campaign or of TRIAL: n, how many came to "
    "no end, p50, p95, p99.",
)
@click.option(
    "--fingerprint",
    "hashed",
    is_flag=True,
    help="Only a short hash of all outcomes and events: two campaigns that have the same are the same, bit for bit.",
)
@options.prints_json(
    "`{experiment, seed, accounting, outcomes, grouped_by, by, accounting_by, unjudged, cost, replays, "
    "interference, about}`; with TRIAL `{trial, plan, outcome, reason, void, events}`; with --phases a list of "
    "`{driver, policy, phase, n, incomplete, p50_ns, p95_ns, p99_ns}`; with --fingerprint "
    "`{fingerprint}`"
)
@click.option("--all", "everything", is_flag=True, help="With TRIAL: every event, also calls and requests.")
def command(
    result: Path, trial: int | None, column: str, phases: bool, hashed: bool, as_data: bool, everything: bool
) -> None:
    """Show a campaign's accounting and outcomes, a row per injector; or the time line and console of one TRIAL.

    Works while the campaign runs.

    \b
    Examples:
      faultkit show quickstart_nbd --by side
      faultkit show quickstart_nbd --phases
      faultkit show quickstart_nbd 12 --all
    """
    with Store.open(result) as store:
        if hashed:
            found = fingerprint(store)
            click.echo(json.dumps({"fingerprint": found}) if as_data else found)
        elif phases:
            table = phase_table(store, trial)
            click.echo(json.dumps(table.as_json())) if as_data else terminal.output().print(table)
        elif trial is not None and as_data:
            click.echo(json.dumps(timeline.trial_json(store, trial)))
        elif trial is not None:
            terminal.output().print(timeline.Timeline.of(store, trial, everything=everything))
        elif as_data:
            click.echo(json.dumps(counts_json(store, column)))
        else:
            terminal.output().print(OutcomeTable.of(store, column))


def phase_table(store: Store, trial: int | None) -> Any:
    """The phases of recovery, of one trial or of all. Raises: UsageError if there is no such trial."""
    if trial is not None:
        store.events(trial)
    return importlib.import_module("faultkit.results.recoveries").PhaseTable.of(
        store, trial
    )  # pandas is slow to import
