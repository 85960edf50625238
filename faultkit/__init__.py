"""faultkit: fault injection and recovery evaluation for split device drivers."""

from __future__ import annotations

import importlib
from typing import Any

from faultkit.model import Ending, Event, Outcome, Record, Trial
from faultkit.policies import GiveUp, Nothing, ReloadKDriver, RestartBoth, RestartUDriver
from faultkit.triggers import After, AtOnce, AtRequest

ANALYSIS = frozenset({"events", "load", "trials"})

__all__ = [
    "After",
    "AtOnce",
    "AtRequest",
    "Ending",
    "Event",
    "GiveUp",
    "Nothing",
    "Outcome",
    "Record",
    "ReloadKDriver",
    "RestartBoth",
    "RestartUDriver",
    "Trial",
]


def __getattr__(name: str) -> Any:
    """`faultkit.load` and its like, on demand: pandas is not in the guest, and slow to import."""
    if name in ANALYSIS:
        return getattr(importlib.import_module("faultkit.analysis"), name)
    raise AttributeError(f"module 'faultkit' has no attribute {name!r}")
