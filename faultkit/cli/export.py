"""`faultkit export`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.results import result_argument
from faultkit.results import analysis


@click.command(name="export", short_help="Write the table of trials for other tools.")
@result_argument
@click.option(
    "--format",
    "kind",
    metavar="csv|parquet",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    help="The format (default: csv); parquet needs pyarrow.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to write (default: trials.csv, or trials.parquet, in the results).",
)
@options.prints_json("`{result, output, format, trials}`")
def command(result: Path, kind: str, output: Path | None, as_data: bool) -> None:
    """Write the table of trials for other tools: a row per trial, with plan, verdict, flags and intervals.

    Then come the seed and the fields of fault, trigger, workload, driver and policy (`fault.nth`).

    In Python, `faultkit.load("results/quickstart_nbd/latest").trials` is the same as a pandas frame: docs/notebooks.md.

    \b
    Examples:
      faultkit export quickstart_nbd --format parquet
    """
    target = output or result / f"trials.{kind}"
    trials = analysis.export(result, kind, target)
    found = {"result": str(result), "output": str(target), "format": kind, "trials": trials}
    click.echo(json.dumps(found) if as_data else str(target))
