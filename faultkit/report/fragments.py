"""Pieces of the dashboard as HTML. Every text from outside goes through `escape`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from faultkit.model import Outcome
from faultkit.report.campaign import (
    GROUPS,
    MEANINGS,
    Campaign,
    Counts,
    came_back,
    coverage,
    gap_sentence,
    golden_sentence,
    ms,
    numbers,
    verdict,
    worst,
)
from faultkit.stats import Rate, quantile, rate
from faultkit.summary import survival

FOLDED = 200  # characters of a fact that are shown at once
LABELLED = 0.06  # share of a bar from which on a number fits into its segment

META_ORDER = (
    "experiment", "command", "seed", "planned", "jobs", "started", "finished", "wall_s", "drivers", "list_hash",
    "faultkit_version", "git_revision", "kernel", "qemu", "image", "accel", "shift",
)  # fmt: skip


def swatch(outcome: Outcome) -> str:
    """A small sample of an outcome's colour and pattern."""
    return f'<i class="swatch o {outcome.name}"></i>'


def stack(counts: Counts) -> str:
    """A bar of the activated trials, split by outcome, mildest first."""
    active = [outcome for outcome in Outcome if outcome is not Outcome.INACTIVE and counts.get(outcome.name)]
    total = sum(counts[outcome.name] for outcome in active)
    return f'<div class="stack">{"".join(segment(outcome, counts[outcome.name], total) for outcome in active)}</div>'


def segment(outcome: Outcome, count: int, total: int) -> str:
    """One outcome's part of a bar."""
    label = str(count) if count >= LABELLED * total else ""
    title = f"{outcome.name} {rate(count, total)}"
    return f'<i class="o {outcome.name}" style="flex-grow:{count}" title="{title}">{label}</i>'


def whisker(share: Rate) -> str:
    """An interval as a line on a scale from 0 to 100 %, with a dot at the share."""
    if not share.n:
        return ""
    low, high, dot = (round(100 * x, 2) for x in (share.low, share.high, share.share))
    return (
        f'<div class="whisker" title="{share}" role="img" aria-label="{share}">'
        f'<i style="left:{low}%;width:{round(high - low, 2)}%"></i><b style="left:{dot}%"></b></div>'
    )


def rate_cells(share: Rate) -> str:
    """`k/n`, percent and interval in three cells, aligned from row to row."""
    return (
        f'<td class="num">{share.counts}</td><td class="num strong">{share.percent}</td>'
        f'<td class="num quiet">{share.interval}</td>'
    )


def funnel(campaign: Campaign) -> str:
    """Planned, injected, activated, manifested as shrinking bars, and the void ones apart."""
    stages = [(name, count) for name, count in campaign.accounting.items() if name != "void"]
    before = {name: previous for (name, _), previous in zip(stages[1:], stages, strict=False)}
    rows = [funnel_row(name, count, stages[0][1], before.get(name)) for name, count in stages]
    rows.append(funnel_row("void", campaign.accounting["void"], stages[0][1], None))
    return f'<div class="funnel">{"".join(rows)}</div><p class="note">{gap_sentence(campaign)}</p>'


def funnel_row(name: str, count: int, planned: int, before: tuple[str, int] | None) -> str:
    """One stage of the accounting, as a share of the stage before."""
    share = f"{rate(min(count, before[1]), before[1]).percent} of {before[0]}" if before and before[1] else ""
    width = round(100 * count / planned, 2) if planned else 0
    return (
        f'<div class="stage {name}"><span class="name">{name}</span>'
        f'<span class="count" data-count="{name}">{count}</span>'
        f'<span class="track"><i style="width:{width}%"></i></span><span class="share">{share}</span></div>'
    )


def outcome_table(campaign: Campaign) -> str:
    """Every outcome with its meaning, count and share of the activated."""
    n = campaign.survival.n
    rows = [outcome_row(outcome, campaign.outcomes[outcome.name], n) for outcome in Outcome]
    return (
        '<table class="outcomes"><thead><tr><th>outcome</th><th>meaning</th><th class="num">trials</th>'
        '<th class="num" colspan="2">of activated, 95 %</th><th class="scale"><span>0</span><span>100 %</span></th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def outcome_row(outcome: Outcome, count: int, n: int) -> str:
    """One outcome; INACTIVE is no part of the denominator."""
    share = None if outcome is Outcome.INACTIVE else rate(count, n)
    cells = (
        f'<td class="num strong">{share.percent}</td><td class="num quiet">{share.interval}</td>'
        f"<td>{whisker(share)}</td>"
        if share
        else '<td class="num quiet" colspan="2">not counted</td><td></td>'
    )
    return (
        f'<tr class="{"" if count else "none"}"><th scope="row">{swatch(outcome)}{outcome.name}</th>'
        f'<td class="meaning">{MEANINGS[outcome]}</td>'
        f'<td class="num" data-outcome="{outcome.name}">{count}</td>{cells}</tr>'
    )


def shares(campaign: Campaign) -> str:
    """Outcome shares by driver, injector and policy, with the exact interval of the survived ones."""
    return shares_table("", "".join(group_rows(name, campaign.groups[name]) for name in GROUPS))


def shares_table(first: str, bodies: str) -> str:
    """Rows of `share_row`; `first` stands above their names."""
    return (
        f'<table class="shares"><thead><tr><th>{first}</th><th class="num">activated</th>'
        '<th class="bar">outcomes of the activated</th><th class="num" colspan="3">MASKED or RECOVERED, 95 %</th>'
        f'<th class="scale"><span>0</span><span>100 %</span></th></tr></thead>{bodies}</table>'
    )


def group_rows(name: str, groups: Mapping[str, Counts]) -> str:
    """The rows of one way to group trials."""
    rows = "".join(share_row(escape(value), counts) for value, counts in groups.items())
    return f'<tbody><tr class="group"><th colspan="7" scope="rowgroup">by {name}</th></tr>{rows}</tbody>'


def share_row(name: str, counts: Counts) -> str:
    """One group (its name as HTML): how many of its trials were activated, how those ended."""
    share = survival(counts)
    return (
        f'<tr><th scope="row">{name}</th>'
        f'<td class="num">{share.n}<span class="quiet"> of {sum(counts.values())}</span></td>'
        f'<td class="bar">{stack(counts)}</td>{rate_cells(share)}<td>{whisker(share)}</td></tr>'
    )


def exact_shares(campaign: Campaign) -> str:
    """Every outcome's k/n [low, high] in every group."""
    shown = [o for o in Outcome if o is not Outcome.INACTIVE and campaign.outcomes[o.name]]
    heads = "".join(f'<th class="num">{swatch(o)}{o.name}</th>' for o in shown)
    rows = "".join(
        f'<tr><th scope="row">{escape(value)}</th>{"".join(exact_cell(counts, o) for o in shown)}</tr>'
        for name in GROUPS
        for value, counts in campaign.groups[name].items()
    )
    return (
        '<details><summary>Every share with its interval</summary><div class="scroll"><table class="exact">'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def exact_cell(counts: Counts, outcome: Outcome) -> str:
    """One share."""
    share = rate(counts[outcome.name], survival(counts).n)
    return f'<td class="num">{share.counts} <b>{share.percent}</b> <span class="quiet">{share.interval}</span></td>'


def recovery_table(frame: pd.DataFrame) -> str:
    """Recovery time by policy, and what became of those that never came back."""
    rows = "".join(
        f'<tr><th scope="row">{escape(str(policy))}</th>{rate_cells(came_back(rows))}'
        f"{quantile_cells(numbers(rows['recovery_ns']))}<td>{censored(rows)}</td></tr>"
        for policy, rows in frame[frame["detected_by"].notna()].groupby("policy")
    )
    return (
        '<div class="scroll"><table><thead><tr><th>policy</th>'
        '<th class="num" colspan="3">came back of detected, 95 %</th><th class="num">median</th>'
        '<th class="num">90 %</th><th class="num">slowest</th><th class="wrap">never came back</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{outage_note(frame)}"
    )


def outage_note(frame: pd.DataFrame) -> str:
    """How long no request completed where the service came back: often longer than recovery itself."""
    waited = numbers(frame[frame["recovery_ns"].notna()]["outage_ns"])
    if not waited:
        return ""
    half, most = ms(quantile(waited, 0.5)), ms(max(waited))
    return f'<p class="note">Outage where it came back: {half} in the median, {most} at most.</p>'


def quantile_cells(values: Sequence[float]) -> str:
    """Median, 90 % quantile and maximum in virtual milliseconds."""
    if not values:
        return '<td class="num quiet">n/a</td>' * 3
    return "".join(f'<td class="num">{ms(quantile(values, q))}</td>' for q in (0.5, 0.9, 1.0))


def censored(frame: pd.DataFrame) -> str:
    """The outcomes of detected trials whose service never came back."""
    rest = frame[frame["detected_by"].notna() & frame["recovery_ns"].isna()]["outcome"].value_counts()
    found = [f'<span class="whole">{swatch(o)}{o.name} {rest[o.name]}</span>' for o in Outcome if rest.get(o.name, 0)]
    return " ".join(found) or '<span class="quiet">none</span>'


def detection_table(frame: pd.DataFrame) -> str:
    """How many of the manifested errors each detector saw first."""
    manifested = frame[frame["manifested"].fillna(False)]
    first = manifested["detected_by"].fillna("nobody").value_counts()
    rows = "".join(
        f'<tr><th scope="row">{escape(str(by))}</th>{rate_cells(rate(int(count), len(manifested)))}</tr>'
        for by, count in first.items()
    )
    return (
        f'<p class="note">{coverage(frame)} of the manifested errors were detected.</p>'
        '<table class="narrow"><thead><tr><th>seen first by</th><th class="num" colspan="3">of manifested, 95 %</th>'
        f"</tr></thead><tbody>{rows}</tbody></table>"
    )


def facts(meta: Mapping[str, Any]) -> str:
    """All that the campaign wrote about itself, the question apart."""
    known = [key for key in META_ORDER if key in meta]
    rest = [key for key in meta if key not in known and key not in ("question", "version")]
    items = "".join(f"<div><dt>{escape(key)}</dt><dd>{folded(text_of(meta[key]))}</dd></div>" for key in known + rest)
    return f'<dl class="facts">{items}</dl>'


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


def overview(campaigns: Sequence[Campaign]) -> str:
    """Several campaigns side by side; nothing for a single one."""
    if len(campaigns) < 2:
        return ""
    rows = "".join(share_row(f'<a href="#c{i}">{escape(label(c))}</a>', c.outcomes) for i, c in enumerate(campaigns))
    return card("Campaigns at a glance", [shares_table("campaign", f"<tbody>{rows}</tbody>")])


def label(campaign: Campaign) -> str:
    """A campaign's name among others."""
    return f"{campaign.name} · {campaign.directory}"


def headline(campaign: Campaign) -> str:
    """What is asked, and the answer in a sentence."""
    question, _, expected = str(campaign.meta.get("question") or "").strip().partition("\n")
    bad = worst(campaign.outcomes)
    pill = f'<span class="pill o {bad.name}">{bad.name}</span>' if campaign.survival.n else ""
    return (
        f'<p class="kicker">{escape(label(campaign))}</p><h1>{escape(question or campaign.name)}</h1>'
        f'<p class="expected">{escape(" ".join(expected.split()))}</p>'
        f'<p class="verdict">{pill}{escape(verdict(campaign))}</p>'
        f'<p class="note">{escape(golden_sentence(campaign))}</p>'
    )


def tabs(campaigns: Sequence[Campaign]) -> str:
    """Links that choose the campaign; nothing for a single one."""
    if len(campaigns) < 2:
        return ""
    links = "".join(f'<a href="#c{i}">{escape(label(c))}</a>' for i, c in enumerate(campaigns))
    return f'<nav class="tabs" aria-label="campaigns">{links}</nav>'


def card(title: str, body: Iterable[str], subtitle: str = "", short: str = "") -> str:
    """A titled box; the title states a finding, `short` names the box in the page's navigation."""
    named = f' data-short="{escape(short)}"' if short else ""
    small = f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else ""
    return f'<section class="card"{named}><h2>{escape(capital(title))}</h2>{small}{"".join(body)}</section>'


def capital(text: str) -> str:
    """The same text with a capital at its beginning, unless it begins with a name."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def plot(name: str, description: str) -> str:
    """Where the page draws a chart."""
    return f'<div class="plot" data-figure="{name}" role="img" aria-label="{escape(description)}"></div>'


def beside(left: str, right: str) -> list[str]:
    """Two things next to one another; the second alone if there is no first."""
    return [f'<div class="beside"><div>{left}</div><div>{right}</div></div>' if left else right]
