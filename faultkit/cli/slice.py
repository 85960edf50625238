"""`faultkit slice`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from faultkit.cli import options
from faultkit.model.errors import UsageError
from slicer import build, picture, report, survey
from slicer.contract import Marshal
from slicer.plan import Cut


@click.command(name="slice", short_help="Plan the split of a driver into k-driver and u-driver.")
@click.argument("driver", required=False)
@click.option("--plan", "what", flag_value="plan", help="Print each function's side and reason (the default).")
@click.option("--explain", "function", metavar="FUNCTION", help="Print the path that decides FUNCTION's side.")
@click.option(
    "--report", "what", flag_value="report", help="Print sizes, calls between the halves, and fields that cross."
)
@click.option(
    "--build",
    "target",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cut and build both halves, and put their C files, modules and program into FOLDER.",
)
@click.option(
    "--picture",
    "drawn",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the call graph, coloured by side, with each function's reason: one HTML page.",
)
@click.option(
    "--policy",
    "cut",
    metavar="POLICY",
    type=click.Choice([each.value for each in Cut]),
    default=Cut.ATOMIC.value,
    help="What stays in the kernel: data, atomic (default) or keep-locks.",
)
@click.option(
    "--marshal",
    metavar="PARTS",
    type=click.Choice([each.value for each in Marshal]),
    help="What crosses with a call, for --build: fields (default), or whole objects.",
)
@click.option(
    "--survey",
    "rows",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Plan all modules of nine classes, a line of JSON each in FILE; those that it has are not planned again.",
)
@click.option("--module", metavar="NAME", help="The module to slice, if DRIVER is a folder that builds several.")
@options.prints_json("the plan, the path, the report, or the survey's figures")
def command(
    driver: str | None,
    what: str | None,
    function: str | None,
    target: Path | None,
    drawn: Path | None,
    cut: str,
    marshal: str | None,
    rows: Path | None,
    module: str | None,
    as_data: bool,
) -> None:
    """Plan the split of DRIVER: which of its functions stay in the kernel, which go to a process, and why.

    DRIVER is a module of Debian's linux-source, such as 8139cp, or a folder of your own with a Kbuild. Only --build
    builds anything. The policy says what stays: `data`, the closure of the data path; `atomic`, also of all that may
    not sleep; `keep-locks`, also of all that take a spin lock. A slot that nobody knows keeps its functions in the
    kernel; while there is one, the plan is not final, and no shares are printed. See docs/slicer.md.

    \b
    Examples:
      faultkit slice 8139cp
      faultkit slice 8139cp --explain cp_tx
      faultkit slice e1000 --report --policy keep-locks --json
      faultkit slice ./my-driver --module mine
      faultkit slice 8139cp --build ./8139cp-halves
      faultkit slice --survey slicer.jsonl
    """
    if rows is not None:
        if driver or function or what or target or drawn:
            raise UsageError("--survey is about all drivers: give it alone")
        surveyed(rows, as_data)
        return
    if driver is None:
        raise UsageError("slice what? DRIVER is a module of Debian's linux-source, or a folder with a Kbuild")
    asked = [word for word, given in ((f"--{what}", what), ("--explain", function), ("--build", target),
                                      ("--picture", drawn)) if given]  # fmt: skip
    if len(asked) > 1:
        raise UsageError(f"{asked[0]} and {asked[1]} are two questions: ask one at a time")
    if target is not None:
        built = build.build_into(target, driver, Cut(cut), module, Marshal(marshal or Marshal.FIELDS))
        show(as_data, build.built_json(built), build.built_lines(built))
        return
    if marshal is not None:
        raise UsageError("--marshal is for --build: give both")
    found = report.sliced(driver, Cut(cut), module)
    if drawn is not None:
        drawn.write_text(picture.picture_page(found))
        show(as_data, {"page": str(drawn)}, [f"the call graph: {drawn}"])
    elif function:
        show(as_data, report.explain_json(found.plan, function), report.explain_lines(found.plan, function))
    elif what == "report":
        show(as_data, report.report_json(found), report.report_lines(found))
    else:
        show(as_data, report.plan_json(found.plan), report.plan_lines(found.plan))


def surveyed(rows: Path, as_data: bool) -> None:
    """Make a survey, with a line about each module on standard error; print its tables."""
    for name, number, total in survey.extend_survey(rows):
        click.echo(f"{number}/{total} {name}", err=True)
    found = survey.read_rows(rows)
    show(as_data, survey.summary_json(found), survey.tables(found))


def show(as_data: bool, data: Any, lines: Iterable[str]) -> None:
    """Print an answer for a program, or for a person."""
    if as_data:
        click.echo(json.dumps(data))
        return
    for line in lines:
        click.echo(line)
