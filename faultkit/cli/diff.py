"""`faultkit diff`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.results import complete_results, found
from faultkit.model.errors import UsageError
from faultkit.results.alignment import IDS
from faultkit.results.trial_diff import TrialDiff, diff_json
from faultkit.store.store import Store


@click.command(name="diff", short_help="Compare the time lines of two trials.")
@click.argument(
    "trials", metavar="RESULT N M | RESULT:N OTHER:M", nargs=-1, required=True, shell_complete=complete_results
)
@click.option("--all", "everything", is_flag=True, help="Compare every event, also calls and requests.")
@click.option("--ignore", "names", multiple=True, metavar="NAME", help="Data that need not agree, by name; repeatable.")
@click.option("--ignore-ids", is_flag=True, help=f"Short for --ignore with each of {', '.join(sorted(IDS))}.")
@options.prints_json(
    "`{first, second, verdict, only_first, only_second, moved, alike}`; events are `[t_ns, source, "
    "kind, data]`, those moved `[t_ns, t_ns, source, kind, data]`"
)
def command(trials: tuple[str, ...], everything: bool, names: tuple[str, ...], ignore_ids: bool, as_data: bool) -> None:
    """Compare the time lines of two trials: events that only one has, and events at other times.

    Prints the first time line, with - before events that only the first trial has, + before events that only the second
    has, and the delay of the second for the others. Outcome, flags and intervals that differ are printed above it.
    Two events are the same if they have the same source, kind and data, durations aside. Runs of events at equal
    times are folded.

    \b
    Examples:
      faultkit diff quickstart_nbd 3 17
      faultkit diff quickstart_nbd:3 quickstart_nbd-again:3 --ignore-ids
    """
    (one, n), (two, m) = asked(trials)
    with ExitStack() as stack:
        first, second = (stack.enter_context(Store.open(found(path))) for path in (one, two))
        ignored = {*names, *(IDS if ignore_ids else ())}
        difference = TrialDiff.of((first, n), (second, m), everything=everything, ignored=ignored)
    click.echo(json.dumps(diff_json(difference))) if as_data else terminal.output().print(difference)


def asked(words: tuple[str, ...]) -> tuple[tuple[Path, int], tuple[Path, int]]:
    """The two trials that the arguments name. Raises: UsageError."""
    match words:
        case [result, first, second] if first.isdecimal() and second.isdecimal():
            return (Path(result), int(first)), (Path(result), int(second))
        case [one, two]:
            return trial_of(one), trial_of(two)
    raise UsageError(f"diff: {' '.join(words)!r} names no two trials: give RESULT 3 17, or RESULT:3 OTHER:3")


def trial_of(word: str) -> tuple[Path, int]:
    """A trial from an argument such as `quickstart_nbd:3`. Raises: UsageError."""
    result, _, number = word.rpartition(":")
    if not (result and number.isdecimal()):
        raise UsageError(f"diff: {word!r} names no trial: give RESULT:NUMBER, as quickstart_nbd:3")
    return Path(result), int(number)
