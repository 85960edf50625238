"""`python -m experiments.microdriver.tables RESULT`: the tables of a campaign on microdrivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from experiments.microdriver.tables import costs, crossings, interface, repeats, survival
from faultkit.cli import as_program
from faultkit.cli.results import result_argument
from faultkit.model.errors import UsageError
from faultkit.store.store import Store

TABLES: Mapping[str, Callable[[Store], Iterator[str]]] = {
    "performance": costs.performance_text,
    "initialisation": costs.initialisation_text,
    "sliced_costs": costs.sliced_text,
    "crash_points": crossings.crossings_text,
    "interface_faults": interface.interface_text,
    "isolation": survival.survival_text,
    "repeat_recovery": repeats.repeats_text,
}


@click.command()
@result_argument
def command(result: Path) -> None:
    """The tables of a campaign on microdrivers.

    RESULT is a directory with a campaign's results, or the name of an experiment for its latest results.
    """
    with Store.open(result) as store:
        name = str(store.meta().experiment)
        if name not in TABLES:
            raise UsageError(f"{store.path} is of {name}: there are tables for {', '.join(TABLES)}")
        for text in TABLES[name](store):
            click.echo(f"{text}\n")


if __name__ == "__main__":
    as_program(command, "python -m experiments.microdriver.tables")
