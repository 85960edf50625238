"""`faultkit minimise`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import built_guest, opened, result_argument
from faultkit.running.minimise import Minimal, Step, as_json, minimise


@click.command(name="minimise", short_help="Find the faults to blame in a trial.")
@result_argument
@click.argument("trial", type=click.IntRange(min=0))
@options.as_json("`{outcome, of, faults, plans, steps}`")
def command(result: Path, trial: int, as_data: bool) -> None:
    """Which of several faults in a TRIAL were to blame?

    Runs the trial again and again with fewer of its faults, by delta debugging, as long as it ends in the same
    outcome, and prints each step. What is left is 1-minimal: without any one of these faults the trial ends
    otherwise. There may be other such sets, also smaller ones.

    \b
    Examples:
      faultkit minimise several_faults 17
    """
    with opened(result) as store:
        store.record(trial)  # if there is none, no guest need be built to say so
        found = minimise(store, trial, built_guest(terminal.progress()), quiet if as_data else say)
    click.echo(json.dumps(as_json(found)) if as_data else "\n".join(told(found)))


def say(step: Step) -> None:
    """One trial on the way."""
    outcome = step.outcome.name if step.outcome is not None else "void"
    click.echo(f"faults {', '.join(map(str, step.faults))}: {outcome}")


def quiet(step: Step) -> None:
    """Scripts get all steps at the end."""
    del step


def told(found: Minimal) -> list[str]:
    """What is left, and how it was found."""
    head = f"{len(found.faults)} of {found.of} faults are enough for {found.outcome.name}; {len(found.steps)} trials"
    return [head, *(f"  {n}: {json.dumps(plan)}" for n, plan in zip(found.faults, found.plans, strict=True))]
