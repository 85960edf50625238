"""The command line, a file per command. Exit codes: `faultkit.cli.reference`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import shell_complete

from faultkit.cli import terminal
from faultkit.cli.reference import ENVIRONMENT, EXIT_CODES, FAILED
from faultkit.machine.cache import place as place_of_cache  # a command's module takes the name `cache` here
from faultkit.model import same_names
from faultkit.model.errors import FaultkitError, HarnessError, words_of

GROUPS = {
    "begin": ("doctor", "list", "new", "cache", "completion", "manual"),
    "run": ("run", "rerun", "replay", "interference", "minimise"),
    "look": ("show", "diff", "report", "export", "judge"),
    "decide": ("compare", "gate"),
    "split": ("slice",),
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
    same_names.install()
    terminal.complete_streams()
    signal.signal(signal.SIGTERM, interrupted)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, hung_up)
    sys.exit(terminal.flushed(exit_code(command, name)))


def exit_code(command: click.Command, name: str) -> int:
    """Run a command to its end; its exit code."""
    try:
        code = carried_out(command, name)
    except click.exceptions.NoArgsIsHelpError as reason:
        code = report_failure(reason.format_message(), 2)
    except click.ClickException as reason:
        code = report_failure(f"faultkit: {complaint(reason)}", 2)
    except FaultkitError as reason:
        code = report_failure(f"faultkit: {reason}", reason.exit_code)
    except (click.Abort, EOFError, KeyboardInterrupt):
        code = report_failure("faultkit: interrupted; the trials that have ended are stored, --resume continues", 130)
    except BrokenPipeError:  # `| head`
        code = 0
    except OSError as reason:
        code = report_failure(f"faultkit: {reason.filename or 'the system'}: {reason.strerror or reason}", 5)
    except (Exception, SystemExit) as reason:
        code = report_failure(f"faultkit: {unexpected(reason)}", HarnessError.exit_code)
    return code if isinstance(code, int) else 0


def carried_out(command: click.Command, name: str) -> Any:
    """Run a command as typed, or answer the shell's question for completions; the value that it returns.

    `click.Command.main` would end the process with 1, the gate's code for "not met", if a reader has gone away.
    """
    variable = f"_{name}_COMPLETE".upper()
    if asked := os.environ.get(variable):
        return shell_complete(command, {}, name, variable, asked)
    try:
        with command.make_context(name, sys.argv[1:]) as context:
            return command.invoke(context)
    except click.exceptions.Exit as reason:
        return reason.exit_code


def unexpected(reason: BaseException) -> str:
    """An error that nobody foresaw, in one line, and the file with its traceback."""
    text = " ".join(f"{type(reason).__name__}: {words_of(reason)}".split())
    for place in (place_of_cache, tempfile.gettempdir):  # neither may be writable, or there
        with suppress(OSError):
            folder = Path(place())
            file = folder / FAILED
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(traceback.format_exception(reason)), "utf-8", "backslashreplace")
            return f"{text}: an error of faultkit's own, or of the experiment's code (its traceback: {file})"
    return f"{text}: an error of faultkit's own, or of the experiment's code"


def complaint(reason: click.ClickException) -> str:
    """A usage error in one line, with the command whose help to read."""
    text = " ".join(reason.format_message().split()).rstrip(".")
    context = reason.ctx if isinstance(reason, click.UsageError) else None
    return f"{text}; see `{context.command_path} --help`" if context else text


def report_failure(text: str, code: int) -> int:
    """Print a failure to standard error, if it is still there, and return its exit code."""
    with suppress(OSError, ValueError):
        click.echo(text, err=True)
    return code


def interrupted(*_: object) -> NoReturn:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt


def hung_up(*_: object) -> NoReturn:
    """Treat SIGHUP as Ctrl-C, once: the shell and the kernel both send it when a terminal goes away."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    terminal.leave_lost_terminal()
    raise KeyboardInterrupt
