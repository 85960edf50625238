"""A short hash of a campaign's outcomes and events, by which two runs of it are compared at a glance.

Two campaigns with one fingerprint had the same outcome and the same events at the same nanosecond in every trial.
"""

from __future__ import annotations

import hashlib
import json

from faultkit.store import queries
from faultkit.store.store import Store

LENGTH = 16  # hexadecimal digits


def fingerprint(store: Store) -> str:
    """The hash over number, outcome and events of each stored trial; a void trial has neither outcome nor events."""
    total = hashlib.sha256()
    for trial in queries.ended(store):
        events = [[event.t_ns, event.source, event.kind, dict(event.data)] for event in store.events(trial.n)]
        outcome = trial.outcome.name if trial.outcome is not None else None
        total.update(json.dumps([trial.n, outcome, events], sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return total.hexdigest()[:LENGTH]
