"""How long the service was waited for after each detected error, with what never came back kept in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from faultkit.model.events import Event, Kind
from faultkit.results.summary import GOLDEN
from faultkit.store.store import Store
from faultkit.verdict.outcomes import FINAL

WAIT_COLUMNS: Mapping[str, tuple[str, str]] = {  # name -> dtype, meaning
    "ended": ("object", '"restored", "final" (LOST or CRASHED) or "open" (still down when the trial ended)'),
    "watched_ns": (
        "Int64",
        "from the first detection until the service answered or, if it never did, to the trial's last event",
    ),
}
WAIT_DTYPES: dict[str, Any] = {name: dtype for name, (dtype, _) in WAIT_COLUMNS.items()}


def watched(store: Store, trials: pd.DataFrame) -> pd.DataFrame:
    """Valid trials of the frame with a fault and a detected error, and the columns of WAIT_COLUMNS.

    Reads the events only of trials that never came back.
    """
    frame = trials[trials["void"].isna() & (trials["injector"] != GOLDEN) & trials["detected_by"].notna()]
    down = frame[frame["recovery_ns"].isna()]
    waited = pd.Series({int(n): waited_ns(store.events(int(n))) for n in down["trial"]}, dtype="Int64")
    frame = frame[frame["recovery_ns"].notna() | frame["trial"].map(waited).notna()]
    final = frame["outcome"].isin([outcome.name for outcome in FINAL])
    return frame.assign(
        ended=np.where(frame["recovery_ns"].notna(), "restored", np.where(final, "final", "open")),
        watched_ns=frame["recovery_ns"].fillna(frame["trial"].map(waited).astype("Int64")),
    ).astype(WAIT_DTYPES)


def waited_ns(events: tuple[Event, ...]) -> int | None:
    """From the first detection to the last event; None if there is none, whatever the verdict says."""
    detected = next((event.t_ns for event in events if event.kind == Kind.ERROR_DETECTED), None)
    return None if detected is None else max(event.t_ns for event in events) - detected
