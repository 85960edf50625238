"""Paths and texts of the layout before the folders were sorted, so that one table of defects serves both."""

from __future__ import annotations

import re

MOVED = (
    (r"^faultkit/model/(codec|errors|policies|triggers|mailbox)\.py", r"faultkit/\1.py"),
    (r"^faultkit/model/attempts\.py", "faultkit/policies.py"),
    (r"^injectors/tools/process_memory\.py", "injectors/regions.py"),
    (r"^faultkit/verdict/", "faultkit/"),
    (r"^faultkit/store/", "faultkit/"),
    (r"^faultkit/statistics/rates\.py", "faultkit/statistics/stats.py"),
    (r"^injectors/(?:udriver|kdriver|device|channel|tools)/", "injectors/"),
)
RENAMED = (("self.limit", "budget.limit"), ("> self.budget_s", "> budget.budget_s"))
KIND = re.compile(r"Kind\.([A-Z]+)_([A-Z_]+)")


def older_path(path: str) -> str:
    """A file's path then."""
    for now, then in MOVED:
        path = re.sub(now, then, path)
    return path


def older_text(text: str) -> str:
    """A piece of code as it was then: kinds of events were strings, and a policy's budget an argument."""
    for now, then in RENAMED:
        text = text.replace(now, then)
    return KIND.sub(lambda found: f'"{found[1].lower()}.{found[2].lower()}"', text)
