"""Streams that a command may be run with, whatever they are, and the console for bars and spinners."""

from __future__ import annotations

import io
import os
import stat
import sys
from contextlib import suppress
from typing import IO, Any, NoReturn, cast

from rich.console import Console


class Steady(Console):
    """A console that never hides the cursor, which a killed process could not bring back, and never ends a command."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error again: rich would exit with 1, which is the gate's code for "not met"."""
        raise BrokenPipeError

    def show_cursor(self, show: bool = True) -> bool:
        """Leave the cursor as it is."""
        del show
        return False


class Unbroken:
    """A stream for progress, which is lost in silence if its terminal has gone away."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Say if it is a terminal that is still there."""
        return not self._stream.closed and self._stream.isatty()

    def fileno(self) -> int:
        """The file's number, by which the terminal's width is found."""
        return int(self._stream.fileno())


def output() -> Console:
    """A console on standard output. No text is markup: names of functions and devices may hold square brackets."""
    return Steady(markup=False, emoji=False)


def progress() -> Console:
    """A console on standard error. FORCE_COLOR gives colours, but no moving bars in a log."""
    forced = None if sys.stderr.isatty() else False
    return Steady(file=cast(IO[str], Unbroken(sys.stderr)), force_terminal=forced, markup=False, emoji=False)


def complete_streams() -> None:
    """Make the standard streams usable: one that is closed leads nowhere, and any character can be written.

    A closed one would be given to the next file that is opened, and what is written to the stream would end up there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what the locale cannot write is a question mark


def leave_lost_terminal() -> None:
    """Lead the streams of a terminal that has gone away nowhere: what writes to them would fail."""
    for number in range(3):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)


def flushed(code: int) -> int:
    """The exit code, once all is written; a stream whose reader has gone away leads nowhere from now on."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code
