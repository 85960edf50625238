"""The dashboard: one or several campaigns as a single HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from faultkit.errors import HarnessError, UsageError
from faultkit.model import Outcome
from faultkit.report import campaign as said
from faultkit.report import details, figures, fragments
from faultkit.report.campaign import Campaign
from faultkit.store import Store


@dataclass(frozen=True, slots=True)
class Section:
    """One campaign on the page: its HTML, and the data that the page's script draws from."""

    campaign: Campaign
    html: str
    data: dict[str, Any]


def write(results: Sequence[Path], out: Path) -> None:
    """Write the dashboard of some campaigns to `out`.

    Raises: UsageError if one of `results` holds none; HarnessError if `out` cannot be written.
    """
    if not results:
        raise UsageError("a report needs at least one RESULT, see `ls results`")
    sections = [section(i, path, len(results)) for i, path in enumerate(results)]
    try:
        out.write_text(page(sections), encoding="utf-8")
    except OSError as reason:
        raise HarnessError(f"{out} cannot be written: {reason.strerror}") from None


def section(i: int, path: Path, of: int) -> Section:
    """The i-th of `of` campaigns; they share what the page may hold of single trials."""
    with Store.open(path) as store:
        campaign = said.read(path, store)
        table = details.table(campaign.trials, details.TABLE_ROWS // of)
        budget = details.TIMELINE_BYTES // of
        lines = details.timelines(store, campaign.trials, details.TIMELINES // of, budget)
    rule = details.rule(len(campaign.trials), len(table["rows"]), len(lines))
    data = {"result": str(path), "table": table, "timelines": lines, "figures": dict(charts(campaign))}
    return Section(campaign, "".join(cards(i, campaign, rule)), data)


def charts(campaign: Campaign) -> Iterator[tuple[str, figures.Figure]]:
    """The charts that have something to show, by name."""
    frame = campaign.faulty
    text = in_code(campaign)
    if frame["recovery_ns"].notna().any():
        yield "recovery", figures.recovery(frame)
    if frame["detection_latency_ns"].notna().any():
        yield "detection", figures.detection(frame)
    if (frame["outcome"] == Outcome.CRASHED.name).any():
        yield "crashes", figures.crashes(frame)
    if said.harm(text):
        yield "heat", figures.heat(text)


def in_code(campaign: Campaign) -> Any:
    """Trials with a fault in the k-driver's machine code."""
    return campaign.faulty[campaign.faulty["injector"] == "text"]


def cards(i: int, campaign: Campaign, rule: str) -> Iterator[str]:
    """The cards of one campaign, in reading order."""
    yield f'<div class="headline">{fragments.headline(campaign)}</div>'
    yield f'<div class="columns golden-ratio">{accounting_card(campaign)}{outcomes_card(campaign)}</div>'
    if campaign.survival.n:
        yield from findings(i, campaign)
    yield trials_card(i, campaign, rule)
    yield fragments.card("How the campaign was run", [fragments.facts(campaign.meta)], short="How it was run")


def findings(i: int, campaign: Campaign) -> Iterator[str]:
    """The cards that need activated faults."""
    yield fragments.card(
        said.shares_title(campaign.groups), [fragments.shares(campaign), fragments.exact_shares(campaign)],
        "Bars: activated trials by outcome, mildest left. Point and line: share and exact (Clopper-Pearson) interval.",
        "Shares",
    )  # fmt: skip
    yield recovery_card(i, campaign)
    yield detection_card(i, campaign)
    yield f'<div class="columns golden-ratio">{crash_card(i, campaign)}{heat_card(i, campaign)}</div>'


def accounting_card(campaign: Campaign) -> str:
    """From planned to manifested."""
    counts = campaign.accounting
    title = f"{counts['manifested']} of {counts['injected']} injected faults led to an error that could be seen"
    return fragments.card(title, [fragments.funnel(campaign)])


def outcomes_card(campaign: Campaign) -> str:
    """How trials ended."""
    bad = sum(campaign.outcomes[outcome.name] for outcome in Outcome if outcome >= Outcome.LOST)
    title = f"{bad} of {campaign.survival.n} activated faults ended LOST or worse"
    return fragments.card(
        title, [fragments.stack(campaign.outcomes), fragments.outcome_table(campaign)], short="Outcomes"
    )


def recovery_card(i: int, campaign: Campaign) -> str:
    """How long it took until the service was back."""
    title, frame = said.recovery_title(campaign), campaign.faulty
    drawn = fragments.plot(f"c{i}/recovery", title) if frame["recovery_ns"].notna().any() else ""
    subtitle = "A curve that ends below 100 % is censored: the rest never came back."
    return fragments.card(title, fragments.beside(drawn, fragments.recovery_table(frame)), subtitle, "Recovery")


def detection_card(i: int, campaign: Campaign) -> str:
    """How soon an error was seen, and by whom."""
    title, frame = said.detection_title(campaign), campaign.faulty
    drawn = fragments.plot(f"c{i}/detection", title) if frame["detection_latency_ns"].notna().any() else ""
    subtitle = "Boxes: quartiles; lines: 5 to 95 %; points: trials. A microsecond stands for anything faster."
    return fragments.card(title, fragments.beside(drawn, fragments.detection_table(frame)), subtitle, "Detection")


def crash_card(i: int, campaign: Campaign) -> str:
    """Where the kernel crashed."""
    crashed = (campaign.faulty["outcome"] == Outcome.CRASHED.name).any()
    title = said.crash_title(campaign)
    drawn = [fragments.plot(f"c{i}/crashes", title)] if crashed else []
    return fragments.card(
        title, drawn, "The function that the kernel's first report names, by kind of crash.", "Crashes"
    )


def heat_card(i: int, campaign: Campaign) -> str:
    """Which functions suffer from faults in code; nothing if none was tried."""
    frame = in_code(campaign)
    if not len(frame):
        return ""
    title = said.harm_title(frame)
    drawn = [fragments.plot(f"c{i}/heat", title)] if said.harm(frame) else []
    return fragments.card(title, drawn, "Trials with a fault in a function's code, by outcome; most harmful on top.")


def trials_card(i: int, campaign: Campaign, rule: str) -> str:
    """The table that the page's script fills."""
    note = f'<p class="note">{escape(rule)}</p>' if rule else ""
    body = [note, f'<div class="trials" data-campaign="{i}"></div>']
    same = ", ".join(f"{name} {value}" for name, value in details.shared(campaign.trials).items())
    subtitle = "A row opens the trial's timeline, console and replay command."
    return fragments.card("Every trial", body, f"{subtitle} All with {same}." if same else subtitle, "Trials")


def page(sections: Sequence[Section]) -> str:
    """The whole file."""
    campaigns = [section.campaign for section in sections]
    panes = "".join(f'<main class="campaign" id="c{i}">{s.html}</main>' for i, s in enumerate(sections))
    return Template(resource("page.html")).substitute(
        title=escape(" · ".join(campaign.name for campaign in campaigns)),
        style=resource("style.css"),
        tabs=fragments.tabs(campaigns),
        overview=fragments.overview(campaigns),
        campaigns=panes,
        data=embedded([section.data for section in sections]),
        plotly=get_plotlyjs(),
        script=resource("page.js"),
    )


def resource(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def embedded(data: Any) -> str:
    """JSON that may stand in a script element, whatever its strings hold."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
