"""`faultkit judge`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.results import opened, result_argument


@click.command(name="judge", short_help="Judge stored records again.")
@result_argument
@options.as_json("`{result, trials, changed}`")
def command(result: Path, as_data: bool) -> None:
    """Judge stored records again, with the oracle of this version, and say how many verdicts changed.

    Results that an earlier version of faultkit wrote become readable for this one.

    \b
    Examples:
      faultkit judge quickstart_nbd
    """
    with opened(result, readonly=False, older=True) as store:
        changed, trials = store.rejudge(), len(store.done())
    found = {"result": str(result), "trials": trials, "changed": changed}
    click.echo(json.dumps(found) if as_data else f"{changed} of {trials} verdicts changed")
