"""What can happen in a trial, and how a trial can end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any


class Outcome(IntEnum):
    """The class a trial ended in, mildest first; the worst one found is reported."""

    INACTIVE = 0  # placed, never activated: no evidence either way
    MASKED = 1  # activated; the service stayed correct, no recovery was needed
    RECOVERED = 2  # detected, recovered in time; the workload saw nothing but delay
    DISRUPTED = 3  # the service came back, but the workload saw an error, or it was late
    LOST = 4  # the service ended and said so, or recovery gave up; the kernel lives
    HUNG = 5  # requests neither complete nor fail by the deadline; the kernel lives
    CRASHED = 6  # kernel oops, panic or lockup
    CORRUPT = 7  # wrong data handed over as right, or acknowledged data lost


class Ending(Enum):
    """How the guest stopped."""

    FINISHED = "finished"  # the agent reached the end of the trial
    PANICKED = "panicked"  # the kernel panicked (pvpanic)
    WATCHDOG = "watchdog"  # nothing ran for the watchdog's period of virtual time (i6300esb)
    EXITED = "exited"  # the guest reset itself or fell over (triple fault) before it could panic


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `t_ns` is virtual time since the trial began; `source` is who saw it."""

    t_ns: int
    source: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
