"""`faultkit doctor`."""

from __future__ import annotations

import json

import click
from rich.table import Table

from faultkit.cli import options, terminal
from faultkit.running import doctor


@click.command(name="doctor", short_help="Check the prerequisites; name missing ones and their remedies.")
@options.prints_json("a list of `{name, ok, detail, mend}`")
def command(as_data: bool) -> int:
    """Check each prerequisite, and print the command that installs a missing one. Exit code 4 if one is missing.

    \b
    Examples:
      faultkit doctor
    """
    findings = list(doctor.examine())
    if as_data:
        fields = ("name", "ok", "detail", "mend")
        click.echo(json.dumps([{f: getattr(finding, f) for f in fields} for finding in findings]))
    else:
        table = Table(box=None, show_header=False)
        for finding in findings:
            mark, words = ("ok", finding.detail) if finding.ok else ("MISSING", finding.mend)
            table.add_row(mark, finding.name, words)
        terminal.output().print(table)
    return 0 if all(finding.ok for finding in findings) else 4
