"""The card of shares: outcomes by driver, side, fault, function and policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from faultkit.model.events import Outcome
from faultkit.report.campaign import OutcomeCounts, StoredCampaign
from faultkit.report.card import Card
from faultkit.results.summary import GOLDEN, by, survival
from faultkit.statistics.rates import Rate, rate

GROUPS = ("driver", "side", "injector", "fault_type", "function", "policy")
MOST_VALUES = 16  # of one group in the table of shares
CONTRASTS = {
    "driver": ("Most faults are survived by", "fewest by"),
    "injector": ("Most often survived is", "least often"),
    "policy": ("Most faults are survived with", "fewest with"),
}


@dataclass(frozen=True, slots=True)
class GroupShare:
    """The trials of one value: their outcomes, and the share that survived."""

    name: str
    counts: OutcomeCounts

    @property
    def share(self) -> Rate:
        """MASKED or RECOVERED, of the activated."""
        return survival(self.counts)


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to group trials, as a section of the table."""

    heading: str
    groups: Sequence[GroupShare]


def shares_card(campaign: StoredCampaign) -> Card:
    """Outcome shares by driver, fault and policy, with the exact interval of the survived ones."""
    groups = grouped(campaign)
    shown = [o.name for o in Outcome if o is not Outcome.INACTIVE and campaign.outcomes[o.name]]
    return Card(
        title=shares_title(groups),
        subtitle="Bars: activated trials by outcome, mildest left. Point and line: share and exact interval.",
        short="Shares",
        template="shares.html.j2",
        values={
            "sections": [grouping(name, values) for name, values in groups.items()],
            "outcomes": shown,
            "exact": [*exact(groups, shown)],
        },
    )


def grouped(campaign: StoredCampaign) -> dict[str, Mapping[str, OutcomeCounts]]:
    """Those of GROUPS that tell trials apart -> value -> outcome -> trials."""
    groups = {group: by(campaign.store, group) for group in GROUPS}
    groups["injector"].pop(GOLDEN, None)
    groups["function"].pop("", None)
    return {group: values for group, values in groups.items() if is_new(group, groups)}


def is_new(group: str, groups: Mapping[str, Mapping[str, OutcomeCounts]]) -> bool:
    """True if a way to group trials says more than the others do."""
    if group == "fault_type":
        return list(groups[group].values()) != list(groups["injector"].values())
    return len(groups[group]) > 1 or group in ("driver", "injector", "policy")


def grouping(name: str, values: Mapping[str, OutcomeCounts]) -> Grouping:
    """One way to group trials, by name; of many values, those with the most activated trials."""
    groups = [GroupShare(value or "none", counts) for value, counts in values.items()]
    heading = f"by {name.replace('_', ' ')}"
    if len(groups) <= MOST_VALUES:
        return Grouping(heading, groups)
    most = sorted(groups, key=lambda group: -group.share.n)[:MOST_VALUES]
    some = [group for group in groups if group in most and group.share.n]
    return Grouping(f"{heading}, the {len(some)} of {len(groups)} with the most activated trials", some)


def exact(
    groups: Mapping[str, Mapping[str, OutcomeCounts]], outcomes: Sequence[str]
) -> Iterator[tuple[str, list[Rate]]]:
    """Every group's name and the shares of the outcomes."""
    for values in groups.values():
        for value, counts in values.items():
            if value:
                yield value, [rate(counts[name], survival(counts).n) for name in outcomes]


def shares_title(groups: Mapping[str, Mapping[str, OutcomeCounts]]) -> str:
    """The two groups of one kind that lie farthest apart, if their intervals are disjoint."""
    pairs = [
        (name, pair) for name in CONTRASTS if (pair := extremes(groups[name])) and pair[0][0].high < pair[1][0].low
    ]
    if not pairs:
        return "No driver, injector or policy stands out: their intervals overlap"
    name, ((least, low), (most, high)) = max(pairs, key=lambda item: item[1][1][0].share - item[1][0][0].share)
    first, second = CONTRASTS[name]
    return f"{first} {high} ({most.percent}), {second} {low} ({least.percent})"


def extremes(groups: Mapping[str, OutcomeCounts]) -> tuple[tuple[Rate, str], tuple[Rate, str]] | None:
    """The group that survives least and the one that survives most; None if nothing was activated."""
    rates = [(survival(counts), value) for value, counts in groups.items() if survival(counts).n]
    ordered = sorted(rates, key=lambda item: item[0].share)
    return (ordered[0], ordered[-1]) if ordered else None
