"""`faultkit export`."""

from __future__ import annotations

from pathlib import Path

import click

from faultkit.cli.results import result_argument
from faultkit.results import analysis


@click.command(name="export", short_help="Write the table of trials for other tools.")
@result_argument
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: trials.FORMAT in the results.")
def command(result: Path, kind: str, output: Path | None) -> None:
    """Write the table of trials for other tools.

    \b
    Examples:
      faultkit export quickstart_nbd --format parquet
    """
    target = output or result / f"trials.{kind}"
    analysis.export(result, kind, target)
    click.echo(str(target))
