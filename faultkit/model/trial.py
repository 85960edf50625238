"""A trial and its record: plain frozen data.

Nothing here acts. Parts that act (drivers, faults, workloads, monitors, policies) are dataclasses of
their own modules that fulfil the protocols in `faultkit.model.parts`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from faultkit.model.events import Ending, Event
from faultkit.model.parts import Driver, Fault, Monitor, Policy, Trigger, Workload


@dataclass(frozen=True, slots=True)
class Detectors:
    """The pace of the detectors, in virtual seconds. Raises: ValueError unless both are > 0."""

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


@dataclass(frozen=True, kw_only=True)
class Record:
    """The data of a finished trial; never judged in flight."""

    trial: Trial
    ending: Ending
    events: tuple[Event, ...]
    console: str
    lost: Mapping[str, int] = field(default_factory=dict)  # by full name, the events that each monitor could not keep
    wall_s: float = 0.0
    guest_s: float = 0.0  # the part of wall_s in which the guest ran

    @cached_property
    def by_kind(self) -> Mapping[str, Sequence[Event]]:
        """The events of each kind, in order."""
        sorted_: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            sorted_[event.kind].append(event)
        return dict(sorted_)
