"""Options that several commands share."""

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
DRY_RUN: Decorator = click.option(
    "--dry-run", is_flag=True, help="Only check each trial, and print the number of trials and templates."
)
TRUST: Decorator = click.option(
    "--trust",
    is_flag=True,
    help="Run the code of modules that the results name, wherever it lies.",
)
EXPERIMENT: Decorator = click.option(
    "--experiment",
    "own",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your experiment that the results are of. Its code is run: results themselves never decide that.",
)
CONCLUSION = """\
`{result, exit_code, meaning, experiment, seed, accounting, outcomes, by, accounting_by, survived, survived_by, stop, \
void_reasons, cost, replays, ...}`, at the end; with --dry-run `{experiment, seed, trials, templates, result, \
placed}`"""


def prints_json(shape: str) -> Decorator:
    """The option `--json`: prints one document of this shape to standard output, and nothing else there."""
    return click.option("--json", "as_data", is_flag=True, help=f"For scripts: {shape}.")


def out(example: str) -> Decorator:
    """The option `--out`, by default a new directory."""
    return click.option(
        "--out",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help=f"The directory of the results, new or empty (default: {example}).",
    )


def replay_sample(default: str) -> Decorator:
    """The option `--replay-sample`."""
    return click.option(
        "--replay-sample",
        "again",
        metavar="N",
        type=click.IntRange(min=0),
        help="Afterwards replay N trials, spread over the list, and store how many were the same "
        f"(default: {default}).",
    )
