"""The nouns: plain frozen data for what a trial is, and what came of it.

Nothing here acts. Parts that act (drivers, faults, workloads, monitors, policies) are dataclasses of
their own modules that fulfil the protocols in `faultkit.protocols`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faultkit.protocols import Driver, Fault, Monitor, Policy, Trigger, Workload


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


@dataclass(frozen=True, slots=True)
class Detectors:
    """How closely a running trial is watched, in virtual seconds. Raises: ValueError unless both are > 0."""

    beat_s: float = 0.1  # between two probes, and between two looks at the monitors
    deadline_s: float = 1.0  # a probe that takes longer tells of an error

    def __post_init__(self) -> None:
        if not (self.beat_s > 0 and self.deadline_s > 0):
            raise ValueError(f"{self}: both must be more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One experiment on one fork of a template. Without a fault it is golden.

    `seed` drives the workload's choices; the fault carries its own.
    """

    driver: Driver
    workload: Workload
    policy: Policy
    seed: int
    fault: Fault | None = None
    trigger: Trigger | None = None
    monitors: tuple[Monitor, ...] = ()
    detectors: Detectors = Detectors()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known of a finished trial; never judged in flight."""

    trial: Trial
    ending: Ending
    events: tuple[Event, ...]
    console: str
    lost: Mapping[str, int] = field(default_factory=dict)  # events each monitor could not keep
    wall_s: float = 0.0
    guest_s: float = 0.0  # of which QEMU was executing the guest
