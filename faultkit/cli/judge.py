"""`faultkit judge`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.results import open_results, result_argument
from faultkit.results.summary import unjudged, unjudged_line
from faultkit.running.judging import rejudge


@click.command(name="judge", short_help="Judge stored records again.")
@result_argument
@options.prints_json("`{result, trials, changed, unjudged}`")
def command(result: Path, as_data: bool) -> None:
    """Judge stored records again with this version's oracle, and print the number of verdicts that changed.

    Trials without a verdict, since the oracle raised an error, get one if it was mended. Results of an earlier version
    of faultkit become readable for this one.

    \b
    Examples:
      faultkit judge quickstart_nbd
    """
    with open_results(result, readonly=False, older=True) as store:
        changed, trials = rejudge(store), len(store.done())
        left, line = unjudged(store), unjudged_line(store)
    found = {"result": str(result), "trials": trials, "changed": changed, "unjudged": left}
    click.echo(json.dumps(found) if as_data else f"{changed} of {trials} verdicts changed")
    if line and not as_data:
        click.echo(line)
