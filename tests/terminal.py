"""The output as a person sees it."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def printed(thing: RenderableType, width: int) -> str:
    """The text that a terminal of some width without colours shows."""
    text = io.StringIO()
    Console(file=text, width=width, no_color=True, force_terminal=False).print(thing)
    return text.getvalue()
