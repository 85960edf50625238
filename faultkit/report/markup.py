"""The dashboard's building blocks as HTML. Every text from outside goes through `escape`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import plotly.graph_objects as go

from faultkit.model.events import Outcome
from faultkit.statistics.rates import Rate, quantile, rate

LABELLED = 0.06  # share of a bar from which on a number fits into its segment


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the page: its HTML, and the charts that the page's script draws into it, by name."""

    html: str = ""
    charts: Mapping[str, go.Figure] = field(default_factory=dict)


def joined(parts: Iterable[Piece | str]) -> Piece:
    """Parts one after another."""
    pieces = [part if isinstance(part, Piece) else Piece(part) for part in parts]
    charts = {name: figure for piece in pieces for name, figure in piece.charts.items()}
    return Piece("".join(piece.html for piece in pieces), charts)


def inside(opening: str, content: Piece, closing: str) -> Piece:
    """Content between two tags."""
    return Piece(f"{opening}{content.html}{closing}", content.charts)


def card(title: str, *body: Piece | str, subtitle: str = "", short: str = "") -> Piece:
    """A titled box; the title states a finding, `short` names the box in the page's navigation."""
    named = f' data-short="{escape(short)}"' if short else ""
    small = f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else ""
    head = f'<section class="card"{named}><h2>{escape(capital(title))}</h2>{small}'
    return inside(head, joined(body), "</section>")


def columns(left: Piece, right: Piece) -> Piece:
    """Two cards next to one another, the right one wider; the left one alone if there is nothing on the right."""
    return inside('<div class="columns">', joined([left, right]), "</div>") if right.html else left


def beside(left: Piece, right: str) -> Piece:
    """Two things in a card next to one another; the second alone if there is no first."""
    if not left.html:
        return Piece(right)
    return inside('<div class="beside"><div>', left, f"</div><div>{right}</div></div>")


def chart(name: str, description: str, figure: go.Figure) -> Piece:
    """Where the page draws a chart; nothing for an empty one."""
    if not figure.data:
        return Piece()
    html = f'<div class="plot" data-figure="{name}" role="img" aria-label="{escape(description)}"></div>'
    return Piece(html, {name: figure})


def note(text: str) -> str:
    """A remark; nothing for no text."""
    return f'<p class="note">{escape(text)}</p>' if text else ""


def capital(text: str) -> str:
    """The same text with a capital at its beginning, unless it begins with a name."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def swatch(outcome: Outcome) -> str:
    """A small sample of an outcome's colour and pattern."""
    return f'<i class="swatch o {outcome.name}"></i>'


def stack(counts: Mapping[str, int]) -> str:
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


def quantile_cells(values: Sequence[float]) -> str:
    """Median, 90 % quantile and maximum in virtual milliseconds."""
    if not values:
        return '<td class="num quiet">n/a</td>' * 3
    return "".join(f'<td class="num">{ms(quantile(values, q))}</td>' for q in (0.5, 0.9, 1.0))


def tallied(counts: Mapping[str, int]) -> str:
    """Outcomes that occurred, with how often."""
    found = [f'<span class="whole">{swatch(o)}{o.name} {counts[o.name]}</span>' for o in Outcome if counts.get(o.name)]
    return " ".join(found) or '<span class="quiet">none</span>'


def ms(ns: float) -> str:
    """Nanoseconds as milliseconds, to three significant figures."""
    value = ns / 1e6
    if value >= 1000:
        return f"{value:,.0f} ms".replace(",", " ")
    return f"{value:.3g} ms"
