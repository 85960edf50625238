"""The dashboard: one or several campaigns as a single HTML file that needs no network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from faultkit.model.errors import HarnessError, UsageError
from faultkit.report import campaign as campaigns
from faultkit.report import details
from faultkit.report.availability import availability_card
from faultkit.report.campaign import Campaign
from faultkit.report.comparison import glance, policies_card
from faultkit.report.detection import detection_card
from faultkit.report.harm import crash_card, heat_card
from faultkit.report.markup import Piece, columns, joined
from faultkit.report.overview import funnel_card, headline, outcomes_card, shares_card
from faultkit.report.page import Section, page, themed
from faultkit.report.recovery import phases_card, recovery_card
from faultkit.report.replays import replays_card
from faultkit.report.trials import run_card, trials_card
from faultkit.store.store import Store


def write(results: Sequence[Path], out: Path, reload_s: float | None = None) -> None:
    """Write the dashboard of some campaigns to `out`, at once: a reader finds the old file or the new one.

    With `reload_s`, the page loads itself again after so many seconds.
    Raises: UsageError if one of `results` holds none; HarnessError if `out` cannot be written.
    """
    if not results:
        raise UsageError("a report needs at least one RESULT, see `ls results`")
    sections = [section(path, len(results)) for path in results]
    replace(out, page(sections, glance([section.campaign for section in sections]), reload_s))


def replace(out: Path, text: str) -> None:
    """Write a file beside `out` and put it in its place; write to `out` itself if it is none (/dev/stdout).

    Raises: HarnessError.
    """
    target = out.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(target)
    except OSError as reason:
        raise HarnessError(f"{out} cannot be written: {reason.strerror}") from None


def section(path: Path, of: int) -> Section:
    """One of `of` campaigns; they share what the page may hold of single trials."""
    with Store.open(path) as store:
        with store.snapshot():
            campaign = campaigns.read(path, store)
        shown = details.chosen(campaign.trials, details.TABLE_ROWS // of)
        lines = details.timelines(store, shown, details.TIMELINES // of, details.TIMELINE_BYTES // of)
    body = joined(cards(campaign, details.rule(campaign.trials, shown, len(lines))))
    table = details.table(shown, campaign.trials)
    data = {"result": str(path), "table": table, "timelines": lines, "figures": themed(body)}
    return Section(campaign, body.html, data)


def cards(campaign: Campaign, rule: str) -> Iterator[Piece]:
    """The cards of one campaign, in reading order."""
    yield headline(campaign)
    yield columns(funnel_card(campaign), outcomes_card(campaign))
    if campaign.survival.n:
        yield from findings(campaign)
    yield trials_card(campaign, rule)
    yield replays_card(campaign)
    yield run_card(campaign.meta)


def findings(campaign: Campaign) -> Iterator[Piece]:
    """The cards that need activated faults."""
    yield shares_card(campaign)
    yield policies_card(campaign)
    yield recovery_card(campaign)
    yield phases_card(campaign)
    yield availability_card(campaign)
    yield detection_card(campaign)
    yield columns(crash_card(campaign), heat_card(campaign, "fault_type"))
    yield heat_card(campaign, "function")
