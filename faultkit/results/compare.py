"""Comparison of two sets of trials: in pairs if their fault lists match, else as independent samples.

The compared figure is the share that survived (MASKED or RECOVERED) of the trials whose fault was activated. Pure but
for reading the stores.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from faultkit.model.code import in_any_build
from faultkit.model.codec import short_name
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.results.words import in_words
from faultkit.statistics.differences import fisher, mcnemar, newcombe, tango
from faultkit.statistics.rates import Rate, rate
from faultkit.store import queries
from faultkit.store.store import Store
from faultkit.verdict.outcomes import SURVIVED

BETWEEN = ("policy", "detectors", "monitors", "driver")  # what may differ between two campaigns whose trials are pairs
COLUMNS = ("policy", "detectors", "monitors", "driver", "workload", "trigger")
MCNEMAR, FISHER = "McNemar's exact test", "Fisher's exact test"
TANGO, NEWCOMBE = "Tango's score interval for paired shares", "Newcombe's interval for independent shares"


@dataclass(frozen=True, slots=True)
class ComparedTrial:
    """A stored trial as comparisons see it."""

    n: int
    plan: Mapping[str, Any]
    outcome: Outcome | None  # None: void, or without a verdict
    void: bool = False

    @property
    def golden(self) -> bool:
        return self.plan.get("fault") is None

    @property
    def left_out(self) -> str | None:
        """The reason why a trial is no evidence; None if it is."""
        if self.golden:
            return "golden"
        if self.outcome is None:
            return "void" if self.void else "no verdict"
        return "inactive" if self.outcome is Outcome.INACTIVE else None

    @property
    def survived(self) -> bool:
        return self.outcome in SURVIVED


Pair = tuple[ComparedTrial, ComparedTrial]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The comparison of two sets of trials. Differences are first minus second, fractions of 1."""

    first: str
    second: str
    paired: bool
    why: str  # the trials are, or are not, paired
    survived: tuple[Rate, Rate]
    difference: float  # of the shares; NaN if there is no evidence
    low: float
    high: float
    interval: str  # the method that made it
    p_value: float
    test: str
    outcomes: Mapping[tuple[Outcome, Outcome], int]  # of pairs; empty if not paired
    discordant: tuple[tuple[int, int], ...]  # numbers of the trials of which only one survived
    left_out: Mapping[str, int]  # why -> pairs (or trials, if not paired) that are no evidence

    @property
    def only(self) -> tuple[int, int]:
        """Pairs of which only the first trial survived, and only the second."""
        first = sum(n for (one, two), n in self.outcomes.items() if one in SURVIVED and two not in SURVIVED)
        return first, len(self.discordant) - first


def between(first: Store, second: Store) -> Comparison:
    """The comparison of two campaigns: pairs by number if nothing but policy, detectors, monitors, driver differs."""
    one, two = compared_trials(first), compared_trials(second)
    names = label(first), label(second)
    names = names if names[0] != names[1] else (str(first.path), str(second.path))
    if reason := first_mismatch(one, two):
        return unpaired(*names, reason, one, two)
    numbers = sorted(one.keys() & two.keys())
    alone = len(one.keys() ^ two.keys())
    found = paired(*names, "the fault lists match", [(one[n], two[n]) for n in numbers])
    return replace(found, left_out={**found.left_out, "without a partner": alone}) if alone else found


def within(store: Store, column: str) -> list[Comparison]:
    """Comparisons within a campaign of trials that differ in one part only: one for each two of its values.

    Raises: UsageError for a column that cannot be compared by, and if no two trials differ in it alone.
    """
    if column not in COLUMNS:
        raise UsageError(f"trials cannot be compared by {column!r}: there are {', '.join(COLUMNS)}")
    levels: dict[str, dict[str, list[ComparedTrial]]] = {}
    for trial in compared_trials(store).values():
        alike = levels.setdefault(json.dumps(trial.plan.get(column), sort_keys=True), {})
        alike.setdefault(identity(trial.plan, (column,)), []).append(trial)
    names = distinct([json.loads(level) for level in levels])
    found = [
        paired(*two, f"they differ in {column} alone", partners(levels[a], levels[b]))
        for (a, b), two in zip(combinations(levels, 2), combinations(names, 2), strict=True)
        if levels[a].keys() & levels[b].keys()
    ]
    if not found:
        raise UsageError(f"no two trials of {store.path} differ in {column} alone: give them equal faults and seeds")
    return found


def partners(first: Mapping[str, list[ComparedTrial]], second: Mapping[str, list[ComparedTrial]]) -> list[Pair]:
    """The trials that both have, by number; of several that are alike, the n-th with the n-th."""
    both = (zip(first[key], second[key], strict=False) for key in first.keys() & second.keys())
    return sorted((pair for pairs in both for pair in pairs), key=lambda pair: pair[0].n)


def compared_trials(store: Store) -> dict[int, ComparedTrial]:
    """The trials of a store, by number."""
    return {trial.n: ComparedTrial(trial.n, trial.plan, trial.outcome, trial.void) for trial in queries.planned(store)}


def first_mismatch(one: Mapping[int, ComparedTrial], two: Mapping[int, ComparedTrial]) -> str | None:
    """The reason why trials of equal number are no pairs; None if they are."""
    numbers = sorted(one.keys() & two.keys())
    if not numbers:
        return "they have no number in common"
    for n in numbers:
        a, b = one[n].plan, two[n].plan
        if identity(a, BETWEEN) != identity(b, BETWEEN):
            parts = [part for part in a if part not in BETWEEN and in_any_build(a[part]) != in_any_build(b.get(part))]
            return f"trial {n} has another {' and '.join(parts or ['plan'])}"
    return None


def identity(plan: Mapping[str, Any], apart_from: Sequence[str]) -> str:
    """All that must be equal in the plans of a pair."""
    return json.dumps({k: in_any_build(v) for k, v in plan.items() if k not in apart_from}, sort_keys=True)


def paired(first: str, second: str, why: str, pairs: Iterable[Pair]) -> Comparison:
    """McNemar's exact test, and Tango's interval, over the pairs of which both trials are evidence."""
    reasons, evidence = Counter[str](), list[Pair]()
    for pair in pairs:
        reason = pair[0].left_out or pair[1].left_out
        reasons.update([reason] if reason else [])
        evidence += [] if reason else [pair]
    outcomes = Counter((a.outcome, b.outcome) for a, b in evidence if a.outcome is not None and b.outcome is not None)
    differ = tuple((a.n, b.n) for a, b in evidence if a.survived != b.survived)
    n, only_first = len(evidence), sum(a.survived and not b.survived for a, b in evidence)
    only_second = len(differ) - only_first
    low, high = tango(only_first, only_second, n)
    one, two = (rate(sum(pair[i].survived for pair in evidence), n) for i in (0, 1))
    return Comparison(
        first=first, second=second, paired=True, why=why, survived=(one, two), difference=one.share - two.share,
        low=low, high=high, interval=TANGO, p_value=mcnemar(only_first, only_second), test=MCNEMAR,
        outcomes=dict(sorted(outcomes.items())), discordant=differ, left_out=dict(sorted(reasons.items())),
    )  # fmt: skip


def unpaired(
    first: str, second: str, why: str, one: Mapping[int, ComparedTrial], two: Mapping[int, ComparedTrial]
) -> Comparison:
    """Fisher's exact test, and Newcombe's interval, over all trials of each that are evidence."""
    reasons = Counter(trial.left_out for trial in (*one.values(), *two.values()))
    evidence = [[trial for trial in trials.values() if trial.left_out is None] for trials in (one, two)]
    a, b = (rate(sum(trial.survived for trial in trials), len(trials)) for trials in evidence)
    low, high = newcombe(a.k, a.n, b.k, b.n)
    return Comparison(
        first=first, second=second, paired=False, why=why, survived=(a, b), difference=a.share - b.share,
        low=low, high=high, interval=NEWCOMBE, p_value=fisher(a.k, a.n, b.k, b.n), test=FISHER,
        outcomes={}, discordant=(), left_out={reason: n for reason, n in sorted(reasons.items(), key=str) if reason},
    )  # fmt: skip


def label(store: Store) -> str:
    """The name of a campaign beside another: its experiment, and its policy if it has only one."""
    policies = queries.policies(store)
    name = store.meta().experiment or store.path.name
    return f"{name} ({policies[0]})" if len(policies) == 1 else name


def distinct(parts: Sequence[Any]) -> list[str]:
    """Short names of encoded parts, with fields where the short names are equal."""
    short = [joined(part, lambda each: short_name(str(each["is"]))) for part in parts]
    return short if len(set(short)) == len(short) else [joined(part, in_words) for part in parts]


def joined(part: Any, words: Callable[[Any], str]) -> str:
    """An encoded part, or several, as words."""
    several = part if isinstance(part, list) else [part] * bool(part)
    return "+".join(map(words, several)) or "none"


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison for scripts; keys stay as they are from version to version. Shares are fractions of 1."""
    names = {"first": comparison.first, "second": comparison.second}
    return {
        **names,
        "paired": comparison.paired,
        "why": comparison.why,
        "survived": {
            end: {"k": found.k, "n": found.n, "low": found.low, "high": found.high}
            for end, found in zip(names, comparison.survived, strict=True)
        },
        "difference": comparison.difference if all(found.n for found in comparison.survived) else None,
        "low": comparison.low,
        "high": comparison.high,
        "interval": comparison.interval,
        "p_value": comparison.p_value,
        "test": comparison.test,
        "outcomes": [[one.name, two.name, n] for (one, two), n in comparison.outcomes.items()],
        "discordant": [list(numbers) for numbers in comparison.discordant],
        "left_out": dict(comparison.left_out),
    }
