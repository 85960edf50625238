"""The dashboard: one or several campaigns as a single HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from faultkit.model.errors import UsageError
from faultkit.report.campaign import read_campaign
from faultkit.report.cards import campaign_pane, glance_pane
from faultkit.report.page import html_page
from faultkit.results.whole_file import write_whole
from faultkit.store.store import Store


def write_dashboard(results: Sequence[Path], out: Path, reload_s: float | None = None) -> None:
    """Write the dashboard of some campaigns to `out`, at once: a reader finds the old file or the new one.

    With `reload_s`, the page loads itself again after so many seconds.
    Raises: UsageError if one of `results` holds none; HarnessError if `out` cannot be written.
    """
    if not results:
        raise UsageError("a report needs at least one RESULT, see `ls results`")
    write_whole(out, html(results, reload_s))


def html(results: Sequence[Path], reload_s: float | None) -> str:
    """The dashboard as HTML. Each store is read as it was at one moment. Raises: UsageError if a result holds none."""
    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(path)) for path in results]
        for store in stores:
            stack.enter_context(store.snapshot())
        campaigns = [read_campaign(path, store, len(results)) for path, store in zip(results, stores, strict=True)]
        title = " · ".join(campaign.name for campaign in campaigns)
        data = [{"result": str(campaign.path)} | campaign.embedded.data() for campaign in campaigns]
        return html_page(title, [*map(campaign_pane, campaigns)], data, glance_pane(campaigns), reload_s)
