"""`faultkit judge`."""

from __future__ import annotations

from pathlib import Path

import click

from faultkit.cli.results import opened, result_argument


@click.command(name="judge", short_help="Judge stored records again.")
@result_argument
def command(result: Path) -> None:
    """Judge stored records again, with the oracle of this version, and say how many verdicts changed.

    Results that an earlier version of faultkit wrote become readable for this one.

    \b
    Examples:
      faultkit judge quickstart_nbd
    """
    with opened(result, readonly=False, older=True) as store:
        click.echo(f"{store.rejudge()} of {len(store.done())} verdicts changed")
