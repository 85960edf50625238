"""Selections of trials for charts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from faultkit.model.events import Outcome
from faultkit.results.summary import GOLDEN

UNKNOWN = "(unknown)"


def faulty(trials: pd.DataFrame) -> pd.DataFrame:
    """Valid trials with a fault."""
    return trials[trials["void"].isna() & (trials["injector"] != GOLDEN)]


def activated(trials: pd.DataFrame) -> pd.DataFrame:
    """Valid trials whose fault was activated, or that failed."""
    valid = faulty(trials)
    return valid[valid["outcome"] > Outcome.INACTIVE.name]


def manifested(trials: pd.DataFrame) -> pd.DataFrame:
    """Valid trials worse than MASKED."""
    valid = faulty(trials)
    return valid[valid["outcome"] > Outcome.MASKED.name]


def failed(trials: pd.DataFrame) -> pd.DataFrame:
    """Valid trials that ended LOST or worse."""
    valid = faulty(trials)
    return valid[valid["outcome"] >= Outcome.LOST.name]


def named(column: pd.Series[Any]) -> pd.Series[str]:
    """Names, UNKNOWN where one is missing or empty."""
    text = column.astype("string").fillna("")
    return text.where(text != "", UNKNOWN)


def known_numbers(column: pd.Series[Any]) -> list[float]:
    """The values that are there."""
    return [float(value) for value in column.dropna()]
