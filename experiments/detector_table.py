"""`python -m experiments.detector_table RESULT`: the table of detectors of a campaign of `detection_sweep`."""

from __future__ import annotations

from pathlib import Path

import click

from faultkit.cli import as_program
from faultkit.cli.results import result_argument
from faultkit.results.sweeps import detector_table
from faultkit.store.store import Store


@click.command()
@result_argument
def command(result: Path) -> None:
    """Print, for each timing, injector and detector, the trials in which the detector reported, and its latency.

    RESULT is a directory with a campaign's results, or the name of an experiment for its latest results.
    """
    with Store.open(result) as store:
        click.echo(detector_table(store).to_string(index=False))


if __name__ == "__main__":
    as_program(command, "python -m experiments.detector_table")
