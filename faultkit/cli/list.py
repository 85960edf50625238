"""`faultkit list`."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click

from faultkit.cli import options
from faultkit.running import catalogue


@click.command(name="list", short_help="List the parts and experiments that come with faultkit.")
@click.argument("kind", type=click.Choice(catalogue.KINDS), required=False)
@options.prints_json("`{KIND: [{name, summary}]}`")
def command(kind: str | None, as_data: bool) -> None:
    """List the parts and experiments that come with faultkit, with a line about each.

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
        for line in folded(its, line_width()):
            click.echo(line)


def line_width() -> int:
    """The width of lines: the terminal's; elsewhere lines are not broken, for grep."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def folded(items: Sequence[catalogue.Item], width: int) -> Iterator[str]:
    """Lines with the name and summary of each item; a long summary continues below its beginning."""
    indent = 4 + max(len(item.name) for item in items)
    for item in items:
        first, *others = textwrap.wrap(item.summary, max(width - indent, 20))
        yield f"  {item.name:{indent - 4}}  {first}"
        yield from (" " * indent + other for other in others)
