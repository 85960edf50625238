"""`faultkit compare`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import complete_results, found, result_argument
from faultkit.model.errors import UsageError
from faultkit.results.compare import COLUMNS, Comparison, between, comparison_json, within
from faultkit.store.store import Store
from faultkit.tables.comparison_table import ComparisonTable


@click.command(name="compare", short_help="Compare results, fault by fault.")
@result_argument
@click.argument("other", type=click.Path(path_type=Path), required=False, shell_complete=complete_results)
@click.option(
    "--by",
    "column",
    metavar="PART",
    type=click.Choice(COLUMNS),
    help=f"Without OTHER: pairs of trials of RESULT that differ in PART alone: {', '.join(COLUMNS)}.",
)
@options.prints_json(
    "a list of `{first, second, paired, why, survived, difference, low, high, interval, p_value, "
    "test, outcomes, discordant, left_out}`"
)
def command(result: Path, other: Path | None, column: str | None, as_data: bool) -> None:
    """Compare the outcomes of the same faults: RESULT with OTHER, or with --by the trials of RESULT among themselves.

    If the lists of two campaigns match, they are compared trial by trial. Lists match if trials of equal number have
    equal fault, site, trigger, workload and seed; policy, detectors, monitors and driver may differ. Prints outcome
    against outcome, the pairs of which only one survived (MASKED or RECOVERED), McNemar's exact test, and the
    difference of the shares with Tango's interval for paired shares. Pairs with a void, golden or INACTIVE trial are
    left out and counted. Lists that do not match are reported as NOT paired, with the first difference, and compared
    as independent samples: Fisher's exact test, Newcombe's interval.

    A p-value answers one question. With many questions (three policies are three pairs), expect one in twenty to be
    below 0.05 by chance.

    \b
    Examples:
      faultkit compare quickstart_nbd quickstart_nbd-again
      faultkit compare quickstart_rtl8139 --by policy
    """
    if (other is None) == (column is None):
        raise UsageError("compare: give two results, or one and --by policy (or another part)")
    comparisons = compared(result, other, column or "")
    if as_data:
        click.echo(json.dumps([comparison_json(each) for each in comparisons]))
        return
    for n, each in enumerate(comparisons):
        terminal.output().print(*([""] if n else []), ComparisonTable(each), sep="\n")


def compared(result: Path, other: Path | None, column: str) -> list[Comparison]:
    """The comparison of two results, or the comparisons within one."""
    with Store.open(result) as first:
        if other is None:
            return within(first, column)
        with Store.open(found(other)) as second:
            return [between(first, second)]
