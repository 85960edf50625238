"""`faultkit show`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from faultkit import timeline
from faultkit.cli.results import opened, result_argument
from faultkit.outcome_table import OutcomeTable
from faultkit.summary import COLUMNS, as_json


@click.command(name="show")
@result_argument
@click.argument("trial", type=click.IntRange(min=0), required=False)
@click.option("--by", "column", type=click.Choice(COLUMNS), default="injector", help="What the rows are.")
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
@click.option("--all", "everything", is_flag=True, help="With TRIAL: every event, also calls and requests.")
def command(result: Path, trial: int | None, column: str, as_data: bool, everything: bool) -> None:
    """Show a campaign's outcomes, or the time line of one TRIAL."""
    with opened(result) as store:
        if trial is not None and as_data:
            click.echo(json.dumps(timeline.as_json(store, trial)))
        elif trial is not None:
            Console().print(timeline.Timeline.of(store, trial, everything=everything))
        elif as_data:
            click.echo(json.dumps(as_json(store, column)))
        else:
            Console().print(OutcomeTable.of(store, column))
