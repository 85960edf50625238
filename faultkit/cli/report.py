"""`faultkit report`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from faultkit import report
from faultkit.cli import options
from faultkit.cli.results import RESULTS, begun, complete_results, found
from faultkit.report.watch import Progress, follow
from faultkit.store.store import Store

EVERY_S = 5.0


@click.command(name="report", short_help="Write a dashboard: one HTML file.")
@click.argument("results", type=click.Path(path_type=Path), nargs=-1, required=True, shell_complete=complete_results)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=RESULTS / "report.html",
    help="The file to write (default: results/report.html).",
)
@click.option(
    "--watch", is_flag=True, help="Follow running campaigns: write the file again as trials end, until all have."
)
@click.option(
    "--every",
    "every_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    help=f"With --watch: the interval between looks (default: {EVERY_S:g}).",
)
@options.prints_json("`{output, campaigns}`, of each campaign `{result, experiment, seed, planned, ended}`")
def command(results: tuple[Path, ...], output: Path, watch: bool, every_s: float | None, as_data: bool) -> None:
    """Write a dashboard of one or several campaigns: one HTML file that needs nothing else.

    It opens from disk without a network, follows the browser's light or dark theme, and can be printed. Beyond some
    20 000 trials its table holds all failures and a random sample of the rest, and says so.

    With --watch, the file is written again when trials have ended, and the page reloads itself when its reader is idle.
    The command ends with the last campaign. It does not slow the campaigns down.

    \b
    Examples:
      faultkit report quickstart_nbd quickstart_rtl8139 -o results/demo.html
      faultkit report quickstart_nbd --watch
    """
    if every_s is not None and not watch:
        raise click.UsageError("--every is of use with --watch only")
    places = [running(path) if watch else found(path) for path in results]
    if watch:
        follow(places, output, every_s or EVERY_S, print_state)
    else:
        report.write_dashboard(places, output)
    written = {"output": str(output.resolve()), "campaigns": [shown(place) for place in places]}
    click.echo(json.dumps(written) if as_data else f"dashboard: {output.resolve()}")


def shown(place: Path) -> dict[str, Any]:
    """A campaign of the dashboard, for `--json`."""
    with Store.open(place) as store:
        meta, ended = store.meta(), len(store.done())
    facts = {name: getattr(meta, name) for name in ("experiment", "seed", "planned")}
    return {"result": str(place), **facts, "ended": ended}


def running(path: Path) -> Path:
    """The directory of a running campaign; for an experiment's name that of the one that was begun last."""
    if path.exists():
        return path
    return next(reversed(begun(str(path))), path)


def print_state(now: Sequence[Progress]) -> None:
    """Print the state of the dashboard as a line to standard error."""
    click.echo(f"written: {', '.join(map(str, now))}", err=True)
