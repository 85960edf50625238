"""One campaign as the cards of the dashboard read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from faultkit.figures.select import faulty
from faultkit.model.events import Outcome
from faultkit.report import details
from faultkit.results.analysis import frame_of
from faultkit.results.summary import accounting, outcomes, survival
from faultkit.results.waits import watched
from faultkit.statistics.rates import Rate
from faultkit.store.store import Store

OutcomeCounts = Mapping[str, int]  # outcome -> trials


@dataclass(frozen=True, kw_only=True)
class StoredCampaign:
    """One campaign and its open store; a card reads from the store what no other card needs."""

    path: Path  # as the user wrote it
    store: Store
    meta: Mapping[str, Any]
    accounting: OutcomeCounts
    outcomes: OutcomeCounts  # of trials with a fault
    trials: pd.DataFrame
    embedded: details.Embedded  # of single trials

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.meta.get("experiment") or self.path.name)

    @property
    def label(self) -> str:
        """The experiment's name and the name of the run's directory."""
        return f"{self.name} · {self.store.path.resolve().name}"

    @property
    def faulty(self) -> pd.DataFrame:
        """Valid trials with a fault."""
        return faulty(self.trials)

    @property
    def survival(self) -> Rate:
        """MASKED or RECOVERED, of all activated."""
        return survival(self.outcomes)

    @property
    def worst(self) -> Outcome:
        """The worst outcome that occurred."""
        return max((outcome for outcome in Outcome if self.outcomes.get(outcome.name)), default=Outcome.INACTIVE)

    @cached_property
    def times(self) -> pd.DataFrame:
        """Trials with a detected error, as from `figures.recovery_times`."""
        return watched(self.store, self.trials)


def read_campaign(path: Path, store: Store, campaigns: int = 1) -> StoredCampaign:
    """One of so many campaigns, out of its open store; they share the page's room for single trials."""
    trials = frame_of(store)
    return StoredCampaign(
        path=path,
        store=store,
        meta=store.meta().as_dict(),
        accounting=accounting(store),
        outcomes=outcomes(store),
        trials=trials,
        embedded=details.embedded(store, trials, campaigns),
    )
