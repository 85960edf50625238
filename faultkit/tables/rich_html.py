"""Terminal output as HTML for a notebook's cell."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType

WIDTH = 110  # characters: what a notebook's cell holds without a scroll bar
PAGE = '<pre style="line-height:1.25;overflow-x:auto">{code}</pre>'


def recorded(shown: RenderableType) -> Console:
    """A console on which something was printed, and nowhere else."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_jupyter=False, markup=False, emoji=False)
    console.print(shown)
    return console


def as_html(shown: RenderableType) -> str:
    """Preformatted text with its colours, all characters escaped."""
    return recorded(shown).export_html(inline_styles=True, code_format=PAGE)


def as_text(shown: RenderableType) -> str:
    """A rich object as plain text."""
    return recorded(shown).export_text()
