"""The results that a command reads: argument, completion, opening."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem
from rich.console import Console

from faultkit.machine.image import Image, cached, image
from faultkit.model.errors import UsageError
from faultkit.running import catalogue
from faultkit.running.trusting import load_parts
from faultkit.store.database import FILE
from faultkit.store.store import Store

RESULTS = Path("results")


def result_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument RESULT: a results directory, or the name of an experiment for its latest results."""
    return click.argument(
        "result",
        type=click.Path(path_type=Path),
        callback=lambda _context, _parameter, value: found(value),
        shell_complete=complete_results,
    )(function)


def complete_results(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completions of RESULT: directories, and the names of experiments that have results here."""
    names = sorted(link.parent.name for link in RESULTS.glob("*/latest"))
    return [CompletionItem(typed, type="dir"), *(CompletionItem(name) for name in names if name.startswith(typed))]


def complete_experiments(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completions of EXPERIMENT: files, and the names of our experiments."""
    ours = (CompletionItem(i.name, help=i.summary) for i in catalogue.items("experiments") if i.name.startswith(typed))
    return [CompletionItem(typed, type="file"), *ours]


def found(path: Path) -> Path:
    """The directory of some results: `quickstart_nbd` is short for `results/quickstart_nbd/latest`."""
    short = RESULTS / path / "latest"
    return short if not path.exists() and short.exists() else path


def load_told(store: Store, numbers: Iterable[int], *, trust: bool) -> None:
    """Load the users' parts that trials are made of, and say on standard error what is loaded. Raises: UsageError."""
    load_parts(store, numbers, trust=trust, told=lambda line: click.echo(line, err=True))


def latest(name: str) -> Path:
    """The results of an experiment that were begun last, even if killed since. Raises: UsageError if there are none."""
    results = begun(name)
    if not results:
        raise UsageError(f"--resume: there are no results of {name} to continue: give --out, or omit --resume")
    return results[-1]


def begun(name: str) -> list[Path]:
    """The results of an experiment in the order in which they were begun; some may still be growing."""
    return sorted(file.parent for file in (RESULTS / name).glob(f"[0-9]*/{FILE}"))


def link_latest(out: Path, *, new: bool) -> None:
    """A `latest` link beside the results: to a campaign that begins now, or to one that goes on if there is no link."""
    link = out.parent / "latest"
    if link.is_symlink() if new else not link.exists():
        link.unlink(missing_ok=True)
    if not os.path.lexists(link):
        with suppress(FileExistsError):  # another campaign has begun at the same moment
            link.symlink_to(out.name)


def guest_of(store: Store, console: Console) -> Image:
    """The guest that a campaign was run on, if it is in the cache; else this machine's."""
    return cached(str(store.meta().image)) or built_guest(console)


def built_guest(console: Console) -> Image:
    """The guest; a spinner shows while it is built."""
    with console.status("looking for the guest (the first time, building it takes about a minute)"):
        return image()
