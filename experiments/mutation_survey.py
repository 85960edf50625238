"""`python -m experiments.mutation_survey`: the mutations behind `source_mutations`, compiled (a second each, once)."""

from __future__ import annotations

from collections.abc import Iterator

import click

from experiments.source_mutations import DRIVERS
from faultkit.cli import as_program
from faultkit.machine import kbuild
from faultkit.mutation.enumerate import mutations
from faultkit.mutation.survey import Survey, survey
from injectors.kdriver.mutant import kdriver


def surveys() -> Iterator[tuple[str, Survey]]:
    """Each file of a k-driver that mutants are drawn from, with the survey of all its mutations."""
    for golden, files in DRIVERS:
        module = kdriver(golden.driver)[1]
        sources = kbuild.files(module)
        for file in files:
            yield file, survey(module, file, [*mutations(file, sources[file])])


@click.command()
def command() -> None:
    """Print, for each file, the mutations that make another driver, that make the same one, and that do not compile."""
    for file, found in surveys():
        click.echo(f"{file}: {len(found.other)} other, {len(found.same)} same, {len(found.broken)} broken")


if __name__ == "__main__":
    as_program(command, "python -m experiments.mutation_survey")
