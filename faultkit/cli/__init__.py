"""The command line, a file per command. Exit codes: `faultkit.cli.reference`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import NoReturn

import click

from faultkit.cli.reference import ENVIRONMENT, EXIT_CODES
from faultkit.model.errors import FaultkitError

GROUPS = {
    "begin": ("doctor", "list", "new", "cache", "completion", "manual"),
    "run": ("run", "rerun", "replay", "interference", "minimise"),
    "look": ("show", "diff", "report", "export", "judge"),
    "decide": ("compare", "gate"),
}  # by use; within each in the order of use
COMMANDS = tuple(name for names in GROUPS.values() for name in names)
EPILOG = """\b
Examples:
  faultkit doctor                      is everything there?
  faultkit run quickstart_nbd          run a campaign
  faultkit show quickstart_nbd         its outcomes
  faultkit report results/*/latest     make a dashboard
  faultkit gate quickstart_nbd         does it meet its rules?
"""


class Commands(click.Group):
    """Commands that are imported on demand: `faultkit list` needs no pandas."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section per use, then exit codes and environment."""
        width = max(map(len, COMMANDS))
        for use, names in GROUPS.items():
            commands = ((name, self.get_command(ctx, name)) for name in names)
            rows = [(name.ljust(width), command.get_short_help_str(70)) for name, command in commands if command]
            with formatter.section(use.capitalize()):
                formatter.write_dl(rows)
        for title, meanings in {"Exit codes": EXIT_CODES, "Environment": ENVIRONMENT}.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), meaning) for name, meaning in meanings.items()])


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EPILOG
)
@click.version_option(package_name="faultkit")
def cli() -> None:
    """Fault injection and recovery evaluation for split device drivers on Linux.

    RESULT is a directory with a campaign's results, or the name of an experiment for its latest results:
    quickstart_nbd is short for results/quickstart_nbd/latest. An error is one line on standard error, with its remedy.
    """


def main() -> NoReturn:
    """The entry point."""
    as_program(cli, "faultkit")


def as_program(command: click.Command, name: str) -> NoReturn:
    """Run a command as a program: every failure is one line and an exit code."""
    signal.signal(signal.SIGTERM, interrupted)
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as reason:
        code = report_failure(reason.format_message(), 2)
    except click.ClickException as reason:
        code = report_failure(f"faultkit: {complaint(reason)}", 2)
    except FaultkitError as reason:
        code = report_failure(f"faultkit: {reason}", reason.exit_code)
    except (click.Abort, KeyboardInterrupt):
        code = report_failure("faultkit: interrupted; the trials that have ended are stored, --resume continues", 130)
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as reason:
        code = report_failure(f"faultkit: {reason.filename or 'the system'}: {reason.strerror}", 5)
    sys.exit(code if isinstance(code, int) else 0)


def complaint(reason: click.ClickException) -> str:
    """A usage error in one line, with the command whose help to read."""
    text = " ".join(reason.format_message().split()).rstrip(".")
    context = reason.ctx if isinstance(reason, click.UsageError) else None
    return f"{text}; see `{context.command_path} --help`" if context else text


def report_failure(text: str, code: int) -> int:
    """Print a failure to standard error, and return its exit code."""
    click.echo(text, err=True)
    return code


def interrupted(*_: object) -> NoReturn:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt
