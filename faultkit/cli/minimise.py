"""`faultkit minimise`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import guest_of, load_told, result_argument
from faultkit.running.minimise import Minimal, SearchStep, minimal_json, minimise
from faultkit.store.store import Store


@click.command(name="minimise", short_help="Find the faults to blame in a trial.")
@result_argument
@click.argument("trial", type=click.IntRange(min=0))
@options.TRUST
@options.prints_json("`{outcome, of, faults, plans, steps}`")
def command(result: Path, trial: int, trust: bool, as_data: bool) -> None:
    """Find the faults that were to blame in a TRIAL with several.

    Runs the trial repeatedly with fewer of its faults, by delta debugging, as long as the outcome stays the same, and
    prints each step. The remaining set is 1-minimal: without any one of these faults the outcome changes. There may
    be other such sets, and smaller ones.

    \b
    Examples:
      faultkit minimise several_faults 17
    """
    with Store.open(result) as store:
        load_told(store, [trial], trust=trust)
        store.record(trial)  # if there is none, no guest need be built to say so
        found = minimise(store, trial, guest_of(store, terminal.progress()), quiet if as_data else print_step)
    click.echo(json.dumps(minimal_json(found)) if as_data else "\n".join(summary(found)))


def print_step(step: SearchStep) -> None:
    """Print a step: the faults that were tried, and the outcome."""
    outcome = step.outcome.name if step.outcome is not None else "void"
    click.echo(f"faults {', '.join(map(str, step.faults))}: {outcome}")


def quiet(step: SearchStep) -> None:
    """Print nothing: scripts get all steps at the end."""
    del step


def summary(found: Minimal) -> list[str]:
    """Lines with the faults that are left, and their plans."""
    head = f"{len(found.faults)} of {found.of} faults are enough for {found.outcome.name}; {len(found.steps)} trials"
    return [head, *(f"  {n}: {json.dumps(plan)}" for n, plan in zip(found.faults, found.plans, strict=True))]
