"""`faultkit report`."""

from __future__ import annotations

from pathlib import Path

import click

from faultkit import report
from faultkit.cli.results import RESULTS, found


@click.command(name="report")
@click.argument("results", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=RESULTS / "report.html", show_default=True)
def command(results: tuple[Path, ...], output: Path) -> None:
    """Write a dashboard of one or several campaigns: one HTML file that needs nothing else."""
    report.write([found(path) for path in results], output)
    click.echo(f"dashboard: {output.resolve()}")
