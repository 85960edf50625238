"""Counts of a campaign, by SQL alone, so that they are cheap while the campaign still runs.

A trial that failed (LOST or worse) counts as activated even if its activation went unseen, so that no
failure can leave the denominator. Golden trials are planned, but never injected, activated or manifested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from faultkit.model import codec
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.statistics.rates import Rate, quantile, rate
from faultkit.store import queries
from faultkit.store.columns import GROUPS
from faultkit.store.store import Store
from faultkit.verdict.outcomes import SURVIVED

GOLDEN = codec.GOLDEN  # the injector of a trial without a fault
VOID_SHARE = 0.05  # with more void trials than this the campaign did not measure its question
ACCOUNTS = tuple(each.name for each in fields(queries.Accounting))
ABOUT = (
    "started",
    "finished",
    "git_revision",
    "own_revisions",
    "faultkit_version",
    "kernel",
    "qemu",
    "accel",
    "command",
)


def accounting(store: Store) -> dict[str, int]:
    """The number of trials planned, and of those injected, activated, manifested; void ones apart."""
    ended = asdict(queries.counts(store))
    planned = store.meta().planned
    return ended if planned is None else ended | {"planned": planned}


def accounting_by(store: Store, column: str = "injector") -> dict[str, dict[str, int]]:
    """Value of `column` -> the numbers of `accounting` for its trials; planned are those that have ended by now.

    Raises: UsageError if trials cannot be grouped by `column`.
    """
    refuse_unless_column(column)
    return {value: asdict(counts) for value, counts in queries.counts_by(store, column).items()}


def outcomes(store: Store) -> dict[str, int]:
    """Every outcome, mildest first -> valid trials with a fault that ended in it."""
    return complete(queries.outcome_counts(store))


def by(store: Store, column: str = "injector") -> dict[str, dict[str, int]]:
    """Value of `column` -> every outcome -> valid trials. By injector, golden trials appear as "golden".

    Raises: UsageError if trials cannot be grouped by `column`.
    """
    refuse_unless_column(column)
    return {value: complete(counts) for value, counts in queries.outcomes_by(store, column).items()}


def refuse_unless_column(column: str) -> None:
    """Refuse a column that trials cannot be grouped by. Raises: UsageError."""
    if column not in GROUPS:
        raise UsageError(f"trials cannot be grouped by {column!r}: there are {', '.join(GROUPS)}")


def complete(counts: Mapping[str, int]) -> dict[str, int]:
    """The same counts with all outcomes, mildest first."""
    return {outcome.name: counts.get(outcome.name, 0) for outcome in Outcome}


def false_positives(store: Store) -> int:
    """Golden trials with a detection, a recovery or an outcome worse than MASKED."""
    return queries.golden_not_clean(store)


def survival(counts: Mapping[str, int]) -> Rate:
    """MASKED or RECOVERED, of all activated."""
    activated = sum(counts.values()) - counts.get(Outcome.INACTIVE.name, 0)
    return rate(sum(counts.get(outcome.name, 0) for outcome in SURVIVED), activated)


def counts_json(store: Store, column: str = "injector") -> dict[str, Any]:
    """The campaign's counts for scripts; keys stay as they are from version to version."""
    meta = store.meta()
    return {
        "experiment": meta.experiment,
        "seed": meta.seed,
        "accounting": accounting(store),
        "outcomes": outcomes(store),
        "grouped_by": column,
        "by": by(store, column),
        "accounting_by": accounting_by(store, column),
        "unjudged": unjudged(store),
        "cost": cost(store),
        "replays": replay_totals(store),
        "interference": meta.interference,
        "about": about(store),
    }


def unjudged(store: Store) -> dict[str, str | None]:
    """Number of each trial without a verdict -> the oracle's error; None if it was not asked yet."""
    return {str(n): reason for n, reason in queries.without_verdict(store).items()}


def unjudged_line(store: Store) -> str | None:
    """A line about trials without a verdict; None if there are none."""
    found = queries.without_verdict(store)
    if not found:
        return None
    n, reason = next(iter(found.items()))
    counted = "1 trial has" if len(found) == 1 else f"{len(found)} trials have"
    why = f"trial {n}: {reason or 'not judged yet'}"
    return f"{counted} no verdict ({why}): `faultkit judge {store.path}` asks again"


def again_line(store: Store) -> str | None:
    """A line about void trials that can be run again; None if there are none."""
    count = queries.void_passing(store)
    return f"--resume runs {count} of the void trials again" if count else None


def about(store: Store) -> dict[str, Any]:
    """The place and time of a campaign's run; None for a fact that was not stored."""
    meta = store.meta()
    return {name: getattr(meta, name) for name in ABOUT}


def replay_totals(store: Store) -> dict[str, int]:
    """The number of trials that were run again, of all such runs, and of those in which all was as before."""
    runs = queries.replays(store)
    return {
        "trials": queries.replayed_trials(store),
        "runs": sum(each.runs for each in runs),
        "outcome_agrees": sum(each.outcome_agrees for each in runs),
        "events_agree": sum(each.events_agree for each in runs),
    }


def cost(store: Store) -> dict[str, float | int | None]:
    """The cost of the campaign so far, in seconds of host time; None for a fact that was not stored.

    `prepare_s` is paid once, so that its share of `campaign_s_per_trial` falls with the number of trials.
    """
    meta, times = store.meta(), queries.took(store)
    total_s = None if meta.prepare_s is None or meta.wall_s is None else meta.prepare_s + meta.wall_s
    return {
        "trials": len(times),
        "prepare_s": meta.prepare_s,
        "run_s": meta.wall_s,
        "trial_s": quantile([each.wall_s for each in times], 0.5) if times else None,
        "guest_s": quantile([each.guest_s for each in times], 0.5) if times else None,
        "campaign_s_per_trial": total_s / len(times) if times and total_s is not None else None,
    }


def accounting_line(counts: Mapping[str, int]) -> str:
    """`planned 300 · injected 290 · activated 201 · manifested 120 · void 0`."""
    return " · ".join(f"{name} {count}" for name, count in counts.items())


def grouped(store: Store, column: str) -> dict[tuple[str, str], tuple[dict[str, int], dict[str, int]]]:
    """Value of `column` and policy -> accounting and outcomes of the trials with a fault."""
    refuse_unless_column(column)
    ended = queries.outcomes_by_policy(store, column)
    counts = queries.counts_by_policy(store, column)
    return {key: (asdict(found), complete(ended[key])) for key, found in counts.items()}
