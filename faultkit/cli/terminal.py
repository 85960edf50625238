"""The console for bars and spinners."""

from __future__ import annotations

import sys

from rich.console import Console


def progress() -> Console:
    """A console on standard error. FORCE_COLOR gives colours, but no moving bars in a log."""
    return Console(stderr=True, force_terminal=None if sys.stderr.isatty() else False)
