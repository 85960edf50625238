"""`faultkit list`."""

from __future__ import annotations

import json

import click

from faultkit import catalogue
from faultkit.cli import options


@click.command(name="list", short_help="List what can be named in experiments.")
@click.argument("kind", type=click.Choice(catalogue.KINDS), required=False)
@options.as_json("`{KIND: [{name, summary}]}`")
def command(kind: str | None, as_data: bool) -> None:
    """List what comes with faultkit and can be named in experiments, with a line about each.

    \b
    Examples:
      faultkit list
      faultkit list injectors
    """
    kinds = [kind] if kind else list(catalogue.KINDS)
    found_items = {each: catalogue.items(each) for each in kinds}
    if as_data:
        data = {each: [{"name": i.name, "summary": i.summary} for i in its] for each, its in found_items.items()}
        click.echo(json.dumps(data))
        return
    for each, its in found_items.items():
        click.echo(each)
        for item in its:
            click.echo(f"  {item.name:18} {item.summary}")
