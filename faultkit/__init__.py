"""faultkit: fault injection and recovery evaluation for split device drivers."""

from __future__ import annotations

import importlib
from typing import Any

from faultkit.model import policies
from faultkit.model.errors import FaultkitError, HarnessError, UnmetNeed, UsageError
from faultkit.model.events import Ending, Event, Outcome
from faultkit.model.policies import *  # noqa: F403 -- one more policy needs no change here
from faultkit.model.trial import Detectors, Record, Trial
from faultkit.model.triggers import After, AtOnce, AtRequest, Every, WithProbability

ANALYSIS = frozenset({"event_batches", "events", "load", "rates", "trials"})

__all__ = [
    "After",
    "AtOnce",
    "AtRequest",
    "Detectors",
    "Ending",
    "Event",
    "Every",
    "FaultkitError",
    "HarnessError",
    "Outcome",
    "Record",
    "Trial",
    "UnmetNeed",
    "UsageError",
    "WithProbability",
]
__all__ += policies.__all__


def __getattr__(name: str) -> Any:
    """`faultkit.load` and its like, on demand: pandas is not in the guest, and slow to import."""
    if name in ANALYSIS:
        return getattr(importlib.import_module("faultkit.results.analysis"), name)
    raise AttributeError(f"module 'faultkit' has no attribute {name!r}")
