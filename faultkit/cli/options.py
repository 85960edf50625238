"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

COUNT: Decorator = click.option(
    "--trials", "count", metavar="N", type=click.IntRange(min=1), help="Run only the first N trials."
)
JOBS: Decorator = click.option(
    "--jobs", metavar="J", type=click.IntRange(min=1), help="Trials at a time (default: one a processor)."
)
DRY_RUN: Decorator = click.option("--dry-run", is_flag=True, help="Only say how many trials and templates it would be.")
CONCLUSION = """\
`{result, exit_code, meaning, experiment, seed, accounting, outcomes, by, accounting_by, survived, survived_by, stop, \
void_reasons, cost, replays, ...}`, at the end; with --dry-run `{experiment, seed, trials, templates, result}`"""


def as_json(shape: str) -> Decorator:
    """`--json`, which prints one document of this shape on standard output and nothing else."""
    return click.option("--json", "as_data", is_flag=True, help=f"For scripts: {shape}.")


def out(example: str) -> Decorator:
    """`--out`, by default a new directory."""
    return click.option(
        "--out",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help=f"Results go here, into what is new or empty (default: {example}).",
    )


def again(default: str) -> Decorator:
    """`--replay-sample`."""
    return click.option(
        "--replay-sample",
        "again",
        metavar="N",
        type=click.IntRange(min=0),
        help="Afterwards run N trials again, spread over the list, and keep whether all was as before "
        f"(default: {default}).",
    )
