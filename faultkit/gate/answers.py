"""The gate's answers, for a rule and for a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Answer(Enum):
    """The answer to "is the rule met?". Too little evidence is an answer of its own, neither of the others."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A rule's answer for one campaign, and the evidence for it."""

    answer: Answer
    measured: str  # the counts, for people
    reason: str  # the reason for the answer; if inconclusive, the trials that would decide
    figures: Mapping[str, float | int | None] = field(default_factory=dict)  # the same for scripts
    certain: bool = False  # a failure that was seen, which no statistics and no further trial can undo
    crashes: tuple[str, ...] = ()  # the signatures among the bad trials
