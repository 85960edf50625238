"""`faultkit judge`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.results import open_results, result_argument


@click.command(name="judge", short_help="Judge stored records again.")
@result_argument
@options.as_json("`{result, trials, changed}`")
def command(result: Path, as_data: bool) -> None:
    """Judge stored records again with this version's oracle, and print the number of verdicts that changed.

    This also makes results of an earlier version of faultkit readable for this one.

    \b
    Examples:
      faultkit judge quickstart_nbd
    """
    with open_results(result, readonly=False, older=True) as store:
        changed, trials = store.rejudge(), len(store.done())
    found = {"result": str(result), "trials": trials, "changed": changed}
    click.echo(json.dumps(found) if as_data else f"{changed} of {trials} verdicts changed")
