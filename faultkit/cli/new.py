"""`faultkit new`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit import skeletons
from faultkit.cli import options

KINDS = {"driver": skeletons.driver, "experiment": skeletons.experiment}


@click.command(name="new", short_help="Write a driver or an experiment to start from.")
@click.argument("kind", type=click.Choice(tuple(KINDS)))
@click.argument("name")
@options.prints_json("`{written, experiment}`")
def command(kind: str, name: str, as_data: bool) -> None:
    """Write a driver or an experiment to start from, into the current directory. It runs unchanged.

    `driver` makes the folder NAME: a small kernel module behind a character device (`NAME.c`, `Kbuild`), its driver
    and workload (`NAME_driver.py`, `NAME_workload.py`) and an experiment of four trials (`NAME_faults.py`).
    `experiment` makes `NAME.py`, which kills nbd's u-driver with and without recovery. Existing files are not
    overwritten. docs/your-own-driver.md explains the parts.

    \b
    Examples:
      faultkit new driver my_disk
      faultkit run my_disk/my_disk_faults.py
      faultkit new experiment kills
    """
    made = KINDS[kind](name, Path())
    written = str(made) if made.parent == Path() else f"{made.parent}/"
    found = {"written": written, "experiment": str(made)}
    click.echo(json.dumps(found) if as_data else f"written: {written}; run it: faultkit run {made}")
