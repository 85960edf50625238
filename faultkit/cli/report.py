"""`faultkit report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from faultkit import report
from faultkit.cli.results import RESULTS, begun, complete_results, found
from faultkit.report.watch import Progress, follow

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
@click.option("--watch", is_flag=True, help="Follow running campaigns: write it again as trials end, until all have.")
@click.option(
    "--every",
    "every_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    help=f"With --watch: how often to look (default: {EVERY_S:g}).",
)
def command(results: tuple[Path, ...], output: Path, watch: bool, every_s: float | None) -> None:
    """Write a dashboard of one or several campaigns: one HTML file that needs nothing else.

    It opens from disk without a network, follows the browser's light or dark theme, and prints. Beyond some 20 000
    trials its table holds all failures and a random sample of the rest; it says so.

    With --watch, the file is written again when trials have ended, the page loads itself anew when its reader is
    idle, and the command ends with the last campaign. The campaigns are not held up.

    \b
    Examples:
      faultkit report quickstart_nbd quickstart_rtl8139 -o results/demo.html
      faultkit report quickstart_nbd --watch
    """
    if every_s is not None and not watch:
        raise click.UsageError("--every is of use with --watch only")
    if watch:
        follow([running(path) for path in results], output, every_s or EVERY_S, say)
    else:
        report.write([found(path) for path in results], output)
    click.echo(f"dashboard: {output.resolve()}")


def running(path: Path) -> Path:
    """The directory that is meant: of an experiment's results, those begun last, whose link comes only at the end."""
    if path.exists():
        return path
    return next(reversed(begun(str(path))), path)


def say(now: Sequence[Progress]) -> None:
    """The state of the dashboard in a line, to standard error."""
    click.echo(f"written: {', '.join(map(str, now))}", err=True)
