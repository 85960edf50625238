"""Counts of a campaign, by SQL alone, so that they are cheap while the campaign still runs.

A trial that failed (LOST or worse) counts as activated even if its activation went unseen, so that no
failure can leave the denominator. Golden trials are planned, but never injected, activated or manifested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.statistics.rates import Rate, quantile, rate
from faultkit.store.store import Store
from faultkit.verdict.outcomes import SURVIVED

GOLDEN = "golden"  # the injector of a trial without a fault
COLUMNS = (
    "injector", "side", "fault_type", "function", "target", "driver", "policy", "workload", "trigger", "detected_by",
)  # fmt: skip
VOID_SHARE = 0.05  # more than this, and the campaign did not measure what it was asked to

ACCOUNTS = ("planned", "injected", "activated", "manifested", "void")
ACCOUNTING = """
COUNT(*),
COUNT(*) FILTER (WHERE injector <> 'golden' AND (injected OR outcome <> 'INACTIVE')),
COUNT(*) FILTER (WHERE injector <> 'golden' AND outcome <> 'INACTIVE'),
COUNT(*) FILTER (WHERE injector <> 'golden' AND manifested),
COUNT(void)
"""
ABOUT = ("started", "finished", "git_revision", "faultkit_version", "kernel", "qemu", "accel", "command")
FALSE_POSITIVES = """
SELECT COUNT(*) FROM trials
WHERE injector = 'golden' AND (manifested OR recoveries > 0 OR detected_by IS NOT NULL)
"""


def accounting(store: Store) -> dict[str, int]:
    """How many trials were planned, and how many of them injected, activated, manifested; void ones apart."""
    counts = dict(zip(ACCOUNTS, next(store.query(f"SELECT {ACCOUNTING} FROM trials")), strict=True))  # noqa: S608
    return counts | {"planned": int(store.meta().get("planned", counts["planned"]))}


def accounting_by(store: Store, column: str = "injector") -> dict[str, dict[str, int]]:
    """Value of `column` -> what `accounting` gives for its trials; planned are those that have ended by now.

    Raises: UsageError if trials cannot be grouped by `column`.
    """
    refuse_unless_column(column)
    sql = f"SELECT COALESCE({column}, ''), {ACCOUNTING} FROM trials {faulty(column)} GROUP BY 1 ORDER BY 1"  # noqa: S608
    return {value: dict(zip(ACCOUNTS, counts, strict=True)) for value, *counts in store.query(sql)}


def outcomes(store: Store) -> dict[str, int]:
    """Every outcome, mildest first -> valid trials with a fault that ended in it."""
    rows = store.query("SELECT outcome, COUNT(*) FROM trials WHERE injector <> 'golden' GROUP BY outcome")
    return complete(dict(rows))


def by(store: Store, column: str = "injector") -> dict[str, dict[str, int]]:
    """Value of `column` -> every outcome -> valid trials. By injector, golden trials appear as "golden".

    Raises: UsageError if trials cannot be grouped by `column`.
    """
    refuse_unless_column(column)
    rows = store.query(
        f"SELECT COALESCE({column}, ''), outcome, COUNT(*) FROM trials {faulty(column)} GROUP BY 1, 2 ORDER BY 1"  # noqa: S608
    )
    found: dict[str, dict[str, int]] = {}
    for value, outcome, count in rows:
        if outcome is not None:
            found.setdefault(value, {})[outcome] = count
    return {value: complete(counts) for value, counts in found.items()}


def refuse_unless_column(column: str) -> None:
    """Raises: UsageError if trials cannot be grouped by `column`."""
    if column not in COLUMNS:
        raise UsageError(f"trials cannot be grouped by {column!r}: there are {', '.join(COLUMNS)}")


def faulty(column: str) -> str:
    """The condition that leaves golden trials out, unless they are a group of their own."""
    return "" if column == "injector" else "WHERE injector <> 'golden'"


def complete(counts: Mapping[str, int]) -> dict[str, int]:
    """The same counts with all outcomes, mildest first."""
    return {outcome.name: counts.get(outcome.name, 0) for outcome in Outcome}


def false_positives(store: Store) -> int:
    """Golden trials with a detection, a recovery or an outcome worse than MASKED."""
    (count,) = next(store.query(FALSE_POSITIVES))
    return int(count)


def survival(counts: Mapping[str, int]) -> Rate:
    """MASKED or RECOVERED, of all activated."""
    activated = sum(counts.values()) - counts.get(Outcome.INACTIVE.name, 0)
    return rate(sum(counts.get(outcome.name, 0) for outcome in SURVIVED), activated)


def as_json(store: Store, column: str = "injector") -> dict[str, Any]:
    """The campaign's counts for scripts; keys stay as they are from version to version."""
    meta = store.meta()
    return {
        "experiment": meta.get("experiment"),
        "seed": meta.get("seed"),
        "accounting": accounting(store),
        "outcomes": outcomes(store),
        "grouped_by": column,
        "by": by(store, column),
        "accounting_by": accounting_by(store, column),
        "cost": cost(store),
        "replays": replays(store),
        "interference": meta.get("interference"),
        "about": about(store),
    }


def about(store: Store) -> dict[str, Any]:
    """The place and time of a campaign's run; None for a fact that was not stored."""
    meta = store.meta()
    return {name: meta.get(name) for name in ABOUT}


def replays(store: Store) -> dict[str, int]:
    """How many trials were run again, how many times, and in how many of these all was as before."""
    sql = "SELECT COUNT(DISTINCT n), COUNT(*), TOTAL(outcome_agrees), TOTAL(events_agree) FROM replays"
    names = ("trials", "runs", "outcome_agrees", "events_agree")
    return {name: int(count) for name, count in zip(names, next(store.query(sql)), strict=True)}


def cost(store: Store) -> dict[str, float | int | None]:
    """The cost of the campaign so far, in seconds of host time; None for a fact that was not stored.

    `prepare_s` is paid once, so that its share of `campaign_s_per_trial` falls with the number of trials.
    """
    meta = store.meta()
    times = list(store.query("SELECT wall_s, guest_s FROM trials WHERE void IS NULL"))
    prepare_s, run_s = meta.get("prepare_s"), meta.get("wall_s")
    total_s = None if prepare_s is None or run_s is None else prepare_s + run_s
    return {
        "trials": len(times),
        "prepare_s": prepare_s,
        "run_s": run_s,
        "trial_s": quantile([wall_s for wall_s, _ in times], 0.5) if times else None,
        "guest_s": quantile([guest_s for _, guest_s in times], 0.5) if times else None,
        "campaign_s_per_trial": total_s / len(times) if times and total_s is not None else None,
    }


def accounting_line(counts: Mapping[str, int]) -> str:
    """`planned 300 · injected 290 · activated 201 · manifested 120 · void 0`."""
    return " · ".join(f"{name} {count}" for name, count in counts.items())


def grouped(store: Store, column: str) -> dict[tuple[str, str], tuple[dict[str, int], dict[str, int]]]:
    """Value of `column` and policy -> accounting and outcomes of the trials with a fault."""
    refuse_unless_column(column)
    head = f"SELECT COALESCE({column}, ''), policy"
    tail = "FROM trials WHERE injector <> 'golden' GROUP BY 1, 2"
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for value, policy, outcome, count in store.query(f"{head}, outcome, COUNT(*) {tail}, 3"):
        counts.setdefault((value, policy), {})[outcome] = count
    accounts = store.query(f"{head}, {ACCOUNTING} {tail} ORDER BY 1, 2")
    return {
        (value, policy): (dict(zip(ACCOUNTS, account, strict=True)), complete(counts[value, policy]))
        for value, policy, *account in accounts
    }
