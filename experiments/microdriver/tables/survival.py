"""Table of `isolation`: survival by driver half and bug."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from faultkit import Outcome
from faultkit.results.analysis import frame_of
from faultkit.statistics.rates import rate
from faultkit.store.store import Store
from faultkit.verdict.outcomes import FAILED

FAILURES = tuple(outcome.name for outcome in FAILED)


def survival(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials in which a bug struck, and of these the ones that kernel and service outlived, by bug and driver."""
    struck = frame[frame["activated"] & (frame["injector"] != "golden")]
    rows = {place: row(group["outcome"].astype(str)) for place, group in struck.groupby(["fault_type", "driver"])}
    return pd.DataFrame.from_dict(rows, orient="index")


def row(outcomes: pd.Series[str]) -> dict[str, str]:
    """The row of one bug and driver."""
    return {
        "kernel survived": str(rate(int((outcomes != Outcome.CRASHED.name).sum()), len(outcomes))),
        "service back": str(rate(int((~outcomes.isin(FAILURES)).sum()), len(outcomes))),
        "outcomes": ", ".join(f"{n} {outcome}" for outcome, n in outcomes.value_counts().items()),
    }


def survival_text(store: Store) -> Iterator[str]:
    """The table by bug, with a sum, as text."""
    frame = frame_of(store)
    yield survival(frame).to_string()
    yield survival(frame.assign(fault_type="all")).to_string()
