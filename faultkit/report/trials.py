"""The card of single trials, filled by the page's script, and the card of how the campaign was run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from faultkit.report import details
from faultkit.report.campaign import Campaign
from faultkit.report.markup import Piece, card, note

FOLDED = 200  # characters of a fact that are shown at once
META_ORDER = (
    "experiment", "command", "seed", "planned", "jobs", "started", "finished", "wall_s", "drivers", "list_hash",
    "faultkit_version", "git_revision", "kernel", "qemu", "image", "accel", "shift",
)  # fmt: skip


def trials_card(campaign: Campaign, rule: str) -> Piece:
    """A table that filters and sorts; a row opens the trial's page."""
    same = ", ".join(f"{name} {value}" for name, value in details.shared(campaign.trials).items())
    subtitle = "A row opens the trial: time line, events, console, the command that replays it."
    if same:
        subtitle += f" All with {same}."
    return card("Every trial", note(rule), '<div class="trials"></div>', subtitle=subtitle, short="Trials")


def run_card(meta: Mapping[str, Any]) -> Piece:
    """All that the campaign wrote about itself, the question apart."""
    known = [key for key in META_ORDER if key in meta]
    rest = [key for key in meta if key not in known and key not in ("question", "version")]
    items = "".join(f"<div><dt>{escape(key)}</dt><dd>{folded(text_of(meta[key]))}</dd></div>" for key in known + rest)
    return card("How the campaign was run", f'<dl class="facts">{items}</dl>', short="Run")


def folded(text: str) -> str:
    """A fact as HTML; a long one is shown on demand."""
    if len(text) <= FOLDED:
        return escape(text)
    return f"<details><summary>{len(text)} characters</summary>{escape(text)}</details>"


def text_of(value: Any) -> str:
    """A fact as one reads it."""
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
