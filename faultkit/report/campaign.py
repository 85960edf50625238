"""One campaign as the dashboard needs it: its counts, its frames, and the sentences drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from faultkit.figures.select import faulty
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.results.analysis import frame_of
from faultkit.results.compare import Comparison, within
from faultkit.results.recoveries import PHASE_DTYPES, TRIAL
from faultkit.results.summary import GOLDEN, accounting, by, false_positives, outcomes, survival
from faultkit.results.waits import watched
from faultkit.statistics.rates import Rate
from faultkit.store.store import Store
from faultkit.verdict.episodes import phases

GROUPS = ("driver", "side", "injector", "fault_type", "function", "policy")
MOST_PHASED = 5_000
REPLAYED = "SELECT jobs, COUNT(*), SUM(outcome_agrees), SUM(events_agree) FROM replays GROUP BY jobs ORDER BY jobs"
Counts = Mapping[str, int]  # outcome -> trials


@dataclass(frozen=True, slots=True)
class Replays:
    """How many stored trials were run again, at so many at a time, and how many ran as before."""

    jobs: int
    runs: int
    outcome_agrees: int
    events_agree: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign as it was found in its store."""

    path: Path  # as the user wrote it
    directory: str  # the name of the run's directory
    meta: Mapping[str, Any]
    accounting: Counts
    outcomes: Counts  # of trials with a fault
    groups: Mapping[str, Mapping[str, Counts]]  # some of GROUPS -> value -> outcome -> trials
    golden: int  # valid trials without a fault
    false_positives: int  # golden trials that were not clean
    trials: pd.DataFrame
    times: pd.DataFrame  # as from `figures.recovery_times`
    phases: pd.DataFrame  # as from `recoveries.recovery_phases`, of at most MOST_PHASED trials with a detected error
    replays: Sequence[Replays]
    by_policy: Sequence[Comparison]

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.meta.get("experiment") or self.path.name)

    @property
    def label(self) -> str:
        """Its name among others."""
        return f"{self.name} · {self.directory}"

    @property
    def faulty(self) -> pd.DataFrame:
        """Valid trials with a fault."""
        return faulty(self.trials)

    @property
    def survival(self) -> Rate:
        """MASKED or RECOVERED, of all activated."""
        return survival(self.outcomes)


def read(path: Path, store: Store) -> Campaign:
    """A campaign out of its open store."""
    groups = {group: by(store, group) for group in GROUPS}
    golden = groups["injector"].pop(GOLDEN, {})
    groups["function"].pop("", None)
    trials = frame_of(store)
    return Campaign(
        path=path,
        directory=store.path.resolve().name,
        meta=store.meta(),
        accounting=accounting(store),
        outcomes=outcomes(store),
        groups={group: values for group, values in groups.items() if tells(group, groups)},
        golden=sum(golden.values()),
        false_positives=false_positives(store),
        trials=trials,
        times=(waited := watched(store, trials)),
        phases=phases_of(store, waited),
        replays=[Replays(*row) for row in store.query(REPLAYED)],
        by_policy=by_policy(store),
    )


def phases_of(store: Store, times: pd.DataFrame) -> pd.DataFrame:
    """The phases of recovery of trials with a detected error, or of a random sample of them if there are very many."""
    some = times.sample(MOST_PHASED, random_state=0) if len(times) > MOST_PHASED else times
    rows = [
        (n, driver, injector, policy, *asdict(phase).values())
        for n, driver, injector, policy in zip(*(some[name] for name in TRIAL), strict=True)
        for phase in phases(store.events(n))
    ]
    return pd.DataFrame.from_records(rows, columns=list(PHASE_DTYPES)).astype(PHASE_DTYPES)


def by_policy(store: Store) -> list[Comparison]:
    """The policies of the campaign against one another; none if no two trials differ in the policy alone."""
    try:
        return within(store, "policy")
    except UsageError:
        return []


def tells(group: str, groups: Mapping[str, Mapping[str, Counts]]) -> bool:
    """Whether a way to group trials says more than the others do."""
    if group == "fault_type":
        return list(groups[group].values()) != list(groups["injector"].values())
    return len(groups[group]) > 1 or group in ("driver", "injector", "policy")


def times(count: int) -> str:
    """How often, in words as far as English has them."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def worst(counts: Counts) -> Outcome:
    """The worst outcome that occurred."""
    return max((outcome for outcome in Outcome if counts.get(outcome.name)), default=Outcome.INACTIVE)


def verdict(campaign: Campaign) -> str:
    """The campaign in one sentence."""
    survived, bad = campaign.survival, worst(campaign.outcomes)
    if not len(campaign.trials):
        return "No trial has ended yet."
    if not survived.n:
        return "No fault was activated, so this campaign says nothing about the driver."
    share = f"{survived.k} of {survived.n} activated faults were masked or recovered, {survived.percent} "
    if bad <= Outcome.RECOVERED:
        return f"{share}{survived.interval}; nothing worse was seen."
    return f"{share}{survived.interval}; the worst outcome was {bad.name}, {times(campaign.outcomes[bad.name])}."


def golden_sentence(campaign: Campaign) -> str:
    """What the fault-free trials say of the instrument."""
    if not campaign.golden:
        return "There were no golden trials, so false alarms would go unnoticed."
    if not campaign.false_positives:
        return f"All {campaign.golden} golden trials were clean: no detection, no recovery, no error without a fault."
    return (
        f"{campaign.false_positives} of {campaign.golden} golden trials were not clean: they show a detection, "
        "a recovery or an error without a fault."
    )


def gap_sentence(campaign: Campaign) -> str:
    """Where the planned trials that were not injected went."""
    planned, injected = campaign.accounting["planned"], campaign.accounting["injected"]
    void, golden = campaign.accounting["void"], campaign.golden
    to_come = max(0, planned - len(campaign.trials))
    parts = [f"{golden} golden", f"{void} void", f"{to_come} not run yet"]
    never = planned - injected - golden - void - to_come
    return f"Planned but not injected: {', '.join(parts)}, {max(0, never)} whose trigger never fired."
