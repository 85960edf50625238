"""`faultkit compare`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from faultkit.cli.results import complete_results, found, result_argument
from faultkit.errors import UsageError
from faultkit.results.compare import COLUMNS, Comparison, as_json, between, within
from faultkit.results.comparison_table import ComparisonTable
from faultkit.store import Store


@click.command(name="compare", short_help="Compare results, fault by fault.")
@result_argument
@click.argument("other", type=click.Path(path_type=Path), required=False, shell_complete=complete_results)
@click.option("--by", "column", type=click.Choice(COLUMNS), help="Without OTHER: the part that pairs differ in.")
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
def command(result: Path, other: Path | None, column: str | None, as_data: bool) -> None:
    """Compare RESULT with OTHER, in pairs where their fault lists match; or the trials of RESULT among themselves.

    \b
    Examples:
      faultkit compare quickstart_nbd quickstart_nbd-again
      faultkit compare quickstart_rtl8139 --by policy
    """
    if (other is None) == (column is None):
        raise UsageError("compare: give two results, or one and --by policy (or another part)")
    comparisons = compared(result, other, column or "")
    if as_data:
        click.echo(json.dumps([as_json(each) for each in comparisons]))
        return
    for n, each in enumerate(comparisons):
        Console().print(*([""] if n else []), ComparisonTable(each), sep="\n")


def compared(result: Path, other: Path | None, column: str) -> list[Comparison]:
    """One comparison of two results, or those of the trials of one."""
    with Store.open(result) as first:
        if other is None:
            return within(first, column)
        with Store.open(found(other)) as second:
            return [between(first, second)]
