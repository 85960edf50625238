"""The first cards: the verdict, the funnel, the outcomes and their shares."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from faultkit.figures.funnel import stages
from faultkit.model.events import Outcome
from faultkit.report.campaign import Campaign, Counts, gap_sentence, golden_sentence, verdict, worst
from faultkit.report.markup import Piece, card, note, rate_cells, stack, swatch, whisker
from faultkit.results.summary import survival
from faultkit.statistics.rates import Rate, rate
from faultkit.verdict.outcomes import ENTRIES

MOST_VALUES = 16  # of one group in the table of shares
CONTRASTS = {
    "driver": ("Most faults are survived by", "fewest by"),
    "injector": ("Most often survived is", "least often"),
    "policy": ("Most faults are survived with", "fewest with"),
}


def headline(campaign: Campaign) -> Piece:
    """What is asked, and the answer in a sentence."""
    question, _, expected = str(campaign.meta.get("question") or "").strip().partition("\n")
    bad = worst(campaign.outcomes)
    pill = f'<span class="pill o {bad.name}">{bad.name}</span>' if campaign.survival.n else ""
    return Piece(
        f'<div class="headline"><p class="kicker">{escape(campaign.label)}</p>'
        f"<h1>{escape(question or campaign.name)}</h1>"
        f'<p class="expected">{escape(" ".join(expected.split()))}</p>'
        f'<p class="verdict">{pill}{escape(verdict(campaign))}</p>{note(golden_sentence(campaign))}</div>'
    )


def funnel_card(campaign: Campaign) -> Piece:
    """From planned to recovered as shrinking bars, and the void ones apart."""
    counts = stages(campaign.trials, campaign.accounting["planned"])
    names = [*counts]
    before = {name: (previous, counts[previous]) for name, previous in zip(names[1:], names, strict=False)}
    rows = [funnel_row(name, count, counts["planned"], before.get(name)) for name, count in counts.items()]
    rows.append(funnel_row("void", campaign.accounting["void"], counts["planned"], None))
    title = f"{counts['manifested']} of {counts['injected']} injected faults led to an error that could be seen"
    return card(title, f'<div class="funnel">{"".join(rows)}</div>', note(gap_sentence(campaign)))


def funnel_row(name: str, count: int, planned: int, before: tuple[str, int] | None) -> str:
    """One stage, as a share of the stage before."""
    share = f"{rate(min(count, before[1]), before[1])} of {before[0]}" if before and before[1] else ""
    width = round(100 * count / planned, 2) if planned else 0
    return (
        f'<div class="stage {name}"><span class="name">{name}</span>'
        f'<span class="count" data-count="{name}">{count}</span>'
        f'<span class="track"><i style="width:{width}%"></i></span>'
        f'<span class="share">{share.partition(" ")[2]}</span></div>'
    )


def outcomes_card(campaign: Campaign) -> Piece:
    """How trials ended: every outcome with its meaning, count and share of the activated."""
    bad = sum(campaign.outcomes[outcome.name] for outcome in Outcome if outcome >= Outcome.LOST)
    n = campaign.survival.n
    rows = [outcome_row(outcome, campaign.outcomes[outcome.name], n) for outcome in Outcome]
    table = (
        '<table class="outcomes"><thead><tr><th>outcome</th><th>meaning</th><th class="num">trials</th>'
        '<th class="num" colspan="2">of activated, 95 %</th><th class="scale"><span>0</span><span>100 %</span></th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    title = f"{bad} of {n} activated faults ended LOST or worse"
    return card(title, stack(campaign.outcomes), table, short="Outcomes")


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
        f'<td class="meaning">{ENTRIES[outcome].meaning}</td>'
        f'<td class="num" data-outcome="{outcome.name}">{count}</td>{cells}</tr>'
    )


def shares_card(campaign: Campaign) -> Piece:
    """Outcome shares by driver, fault and policy, with the exact interval of the survived ones."""
    bodies = "".join(group_rows(name, groups) for name, groups in campaign.groups.items())
    return card(
        shares_title(campaign.groups), shares_table("", bodies), exact_shares(campaign),
        subtitle="Bars: activated trials by outcome, mildest left. Point and line: share and exact interval.",
        short="Shares",
    )  # fmt: skip


def shares_table(first: str, bodies: str) -> str:
    """Rows of `share_row`; `first` stands above their names."""
    return (
        f'<table class="shares"><thead><tr><th>{first}</th><th class="num">activated</th>'
        '<th class="bar">outcomes of the activated</th><th class="num" colspan="3">MASKED or RECOVERED, 95 %</th>'
        f'<th class="scale"><span>0</span><span>100 %</span></th></tr></thead>{bodies}</table>'
    )


def group_rows(name: str, groups: Mapping[str, Counts]) -> str:
    """The rows of one way to group trials, by name; of many, those with the most activated trials."""
    ranked = sorted(groups, key=lambda value: -survival(groups[value]).n)[:MOST_VALUES]
    few = len(groups) <= MOST_VALUES
    some = {value for value in ranked if few or survival(groups[value]).n}
    rows = "".join(share_row(escape(value or "none"), counts) for value, counts in groups.items() if value in some)
    more = "" if few else f", the {len(some)} of {len(groups)} with the most activated trials"
    words = f"by {name.replace('_', ' ')}{more}"
    return f'<tbody><tr class="group"><th colspan="7" scope="rowgroup">{words}</th></tr>{rows}</tbody>'


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
        for groups in campaign.groups.values()
        for value, counts in groups.items()
        if value
    )
    return (
        '<details><summary>Every share with its interval</summary><div class="scroll"><table class="exact">'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def exact_cell(counts: Counts, outcome: Outcome) -> str:
    """One share."""
    share = rate(counts[outcome.name], survival(counts).n)
    return f'<td class="num">{share.counts} <b>{share.percent}</b> <span class="quiet">{share.interval}</span></td>'


def shares_title(groups: Mapping[str, Mapping[str, Counts]]) -> str:
    """The two groups of one kind that lie farthest apart, if their intervals are disjoint."""
    pairs = [
        (name, pair) for name in CONTRASTS if (pair := extremes(groups[name])) and pair[0][0].high < pair[1][0].low
    ]
    if not pairs:
        return "No driver, injector or policy stands out: their intervals overlap"
    name, ((least, low), (most, high)) = max(pairs, key=lambda item: item[1][1][0].share - item[1][0][0].share)
    first, second = CONTRASTS[name]
    return f"{first} {high} ({most.percent}), {second} {low} ({least.percent})"


def extremes(groups: Mapping[str, Counts]) -> tuple[tuple[Rate, str], tuple[Rate, str]] | None:
    """The group that survives least and the one that survives most; None if nothing was activated."""
    rates = [(survival(counts), value) for value, counts in groups.items() if survival(counts).n]
    ordered = sorted(rates, key=lambda item: item[0].share)
    return (ordered[0], ordered[-1]) if ordered else None
