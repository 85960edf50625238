"""A card of the dashboard, and the engine that turns its template into HTML.

Templates escape every text that they are given. Only what another template has made is taken as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from faultkit.model.events import Outcome
from faultkit.statistics.rates import Rate, quantile, rate

LABELLED = 0.06  # share of a bar from which on a number fits into its segment
SHOWN_QUANTILES = (0.5, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that the page's script draws; `name` tells it from the others of its campaign."""

    name: str
    figure: go.Figure
    description: str  # for those who do not see it

    def __bool__(self) -> bool:
        """True if there is something to draw."""
        return bool(self.figure.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A titled box: its texts, its charts, and the values that its template shows.

    The plain template, card.html.j2, shows the texts and the charts.
    """

    title: str  # states a finding
    subtitle: str = ""
    short: str = ""  # the card's name in the page's navigation
    charts: Sequence[Chart] = ()
    template: str = "card.html.j2"
    values: Mapping[str, Any] = field(default_factory=dict)

    def html(self) -> Markup:
        """The card as HTML."""
        return rendered(self.template, card=self, chart=next(iter(self.charts), None), **self.values)


@dataclass(frozen=True, slots=True)
class Segment:
    """One outcome's part of a bar."""

    outcome: str
    count: int
    share: Rate
    label: str


def rendered(template: str, **values: Any) -> Markup:
    """A template of this package, filled in."""
    return Markup(ENVIRONMENT.get_template(template).render(**values))  # noqa: S704 - the template has escaped


def segments(counts: Mapping[str, int]) -> Iterator[Segment]:
    """The outcomes of the activated trials as parts of a bar, mildest first."""
    active = [name for name in Outcome.__members__ if name != Outcome.INACTIVE.name and counts.get(name)]
    total = sum(counts[name] for name in active)
    for name in active:
        label = str(counts[name]) if counts[name] >= LABELLED * total else ""
        yield Segment(name, counts[name], rate(counts[name], total), label)


def occurred(counts: Mapping[str, int]) -> dict[str, int]:
    """The outcomes that occurred, mildest first, with their numbers of trials."""
    return {name: counts[name] for name in Outcome.__members__ if counts.get(name)}


def quantiles(values: Sequence[float]) -> list[str]:
    """Median, 90 % quantile and maximum of nanoseconds, as texts; nothing without values."""
    return [ms(quantile(values, q)) for q in SHOWN_QUANTILES] if values else []


def capital(text: str) -> str:
    """The same text with a capital at its beginning, unless it begins with a name."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def ms(ns: float) -> str:
    """Nanoseconds as milliseconds, to three significant figures."""
    value = ns / 1e6
    if value >= 1000:
        return f"{value:,.0f} ms".replace(",", " ")
    return f"{value:.3g} ms"


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)
ENVIRONMENT.filters |= {"capital": capital, "ms": ms}
ENVIRONMENT.globals |= {"segments": segments, "occurred": occurred, "quantiles": quantiles}
