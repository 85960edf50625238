"""What a gate says of a rule, and of a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Answer(Enum):
    """Whether a rule is met. Too little evidence is an answer of its own: it is neither of the others."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A rule's answer for one campaign, and what it rests on."""

    answer: Answer
    measured: str  # what was counted, for people
    reason: str  # why this answer; if inconclusive, what would decide
    figures: Mapping[str, float | int | None] = field(default_factory=dict)  # the same for scripts
    certain: bool = False  # a failure that was seen: no statistics, nothing that further trials could undo
    crashes: tuple[str, ...] = ()  # the signatures among the bad trials
