"""The last cards: single trials, trials that were run again, and the facts of the run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from faultkit.report import details
from faultkit.report.campaign import StoredCampaign
from faultkit.report.card import Card
from faultkit.statistics.rates import Rate, rate
from faultkit.store import queries

FOLDED = 200  # characters of a fact that are shown at once
META_ORDER = (
    "experiment", "command", "seed", "planned", "jobs", "started", "finished", "wall_s", "drivers", "list_hash",
    "faultkit_version", "git_revision", "kernel", "qemu", "image", "accel", "shift",
)  # fmt: skip


def trials_card(campaign: StoredCampaign) -> Card:
    """A table that filters and sorts, filled by the page's script; a row opens the trial's page."""
    same = ", ".join(f"{name} {value}" for name, value in details.shared(campaign.trials).items())
    subtitle = "A row opens the trial: time line, events, console, the command that replays it."
    if same:
        subtitle += f" All with {same}."
    values = {"rule": campaign.embedded.rule}
    return Card(title="Every trial", subtitle=subtitle, short="Trials", template="trials.html.j2", values=values)


@dataclass(frozen=True, slots=True)
class ReplayShares:
    """The stored trials that were run again, so many at a time, and the shares that ran as before."""

    jobs: int
    outcomes: Rate
    events: Rate


def replays_card(campaign: StoredCampaign) -> Card | None:
    """Shares of runs with the same outcome and the same events; None if no trial was run again."""
    rows = [
        ReplayShares(found.jobs, rate(found.outcome_agrees, found.runs), rate(found.events_agree, found.runs))
        for found in queries.replays(campaign.store)
    ]
    if not rows:
        return None
    runs, same = sum(row.events.n for row in rows), sum(row.events.k for row in rows)
    return Card(
        title=f"{same} of {runs} trials that were run again did the same, bit for bit",
        subtitle="Stored trials run again. More than one at a time shows whether they interfere with one another.",
        short="Replays",
        template="replays.html.j2",
        values={"rows": rows},
    )


def run_card(campaign: StoredCampaign) -> Card:
    """All that the campaign wrote about itself, the question apart."""
    meta = campaign.meta
    known = [key for key in META_ORDER if key in meta]
    rest = [key for key in meta if key not in known and key not in ("question", "version")]
    facts = [(key, text_of(meta[key])) for key in known + rest]
    values = {"facts": facts, "folded": FOLDED}
    return Card(title="How the campaign was run", short="Run", template="run.html.j2", values=values)


def text_of(value: Any) -> str:
    """A fact as one reads it."""
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
