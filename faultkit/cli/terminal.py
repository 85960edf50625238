"""Where bars and spinners go."""

from __future__ import annotations

import sys

from rich.console import Console


def progress() -> Console:
    """Standard error. FORCE_COLOR asks for colours: it makes nothing move in a log."""
    return Console(stderr=True, force_terminal=None if sys.stderr.isatty() else False)
