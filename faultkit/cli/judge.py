"""`faultkit judge`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options
from faultkit.cli.results import result_argument
from faultkit.results.summary import unjudged, unjudged_line
from faultkit.running.experiment import from_file
from faultkit.running.judging import rejudge
from faultkit.store.store import Store


@click.command(name="judge", short_help="Judge stored records again.")
@result_argument
@options.EXPERIMENT
@options.prints_json("`{result, trials, changed, unjudged}`")
def command(result: Path, own: Path | None, as_data: bool) -> None:
    """Judge stored records again with this version's oracle, and print the number of verdicts that changed.

    Trials without a verdict, since the oracle raised an error, get one if it was mended. Results of an earlier version
    of faultkit become readable for this one. Parts of your own are judged by what is stored of them; where that is
    not enough, give --experiment.

    \b
    Examples:
      faultkit judge quickstart_nbd
    """
    if own is not None:
        from_file(own.resolve())
    with Store.open(result, readonly=False, older=True) as store:
        changed, trials = rejudge(store), len(store.done())
        left, line = unjudged(store), unjudged_line(store)
    found = {"result": str(result), "trials": trials, "changed": changed, "unjudged": left}
    click.echo(json.dumps(found) if as_data else f"{changed} of {trials} verdicts changed")
    if line and not as_data:
        click.echo(line)
