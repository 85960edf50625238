"""Objects of the fixtures: guests to run trials on, and the trials that were run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from faultkit import AtOnce, Nothing, Outcome, Record, Trial
from faultkit.machine import image
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, group_of, template
from faultkit.model.codec import name_of
from faultkit.model.errors import HarnessError, UnmetNeed, UsageError
from faultkit.model.events import Event
from faultkit.model.parts import iter_parts
from faultkit.running import doctor
from faultkit.running.campaign import run_valid, settled
from faultkit.running.experiment import Group, kind_of
from faultkit.store.store import Row
from faultkit.verdict.judge import Verdict, judge
from faultkit.verdict.outcomes import SURVIVED

EVERYWHERE = (Nothing(), AtOnce())  # their modules are in every guest: any policy and trigger of ours shares a template


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished trial, and its verdict."""

    row: Row
    record: Record
    verdict: Verdict

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome

    @property
    def survived(self) -> bool:
        """The fault was activated, and the service stayed, or came back without loss."""
        return self.outcome in SURVIVED

    def events(self, kind: str, **data: Any) -> list[Event]:
        """The events of a kind that have these data, in order."""
        return [e for e in self.record.events if e.kind == kind and data.items() <= e.data.items()]

    def count(self, kind: str, **data: Any) -> int:
        """The number of these events."""
        return len(self.events(kind, **data))

    def first(self, kind: str, **data: Any) -> Event:
        """The first of them. Raises: AssertionError if there is none."""
        found = self.events(kind, **data)
        if not found:
            raise AssertionError(f"no {kind} {data or ''} in {self!r}")
        return found[0]

    def __repr__(self) -> str:
        trial = self.record.trial
        when = f", {name_of(trial.trigger)}" if trial.trigger else ""
        return (
            f"<trial {self.row.n}: {name_of(trial.fault)}{when} on {name_of(trial.driver)} "
            f"under {name_of(trial.policy)}: {self.outcome.name}>"
        )


@dataclass(slots=True)
class Session:
    """One session's image, and its templates by address, each with what it is prepared from."""

    image: Image
    machine: Machine = field(default_factory=Machine)
    templates: dict[str, Template] = field(default_factory=dict)

    def guest(self, *, parts: Iterable[Any] = (), policy: Any = None, seed: int = 1, **settings: Any) -> PreparedGuest:
        """A guest for one test. Raises: TypeError for a setting that a trial does not have."""
        golden = Trial(policy=Nothing() if policy is None else policy, seed=seed, **settings)
        return PreparedGuest(self, golden, {kind_of(part): part for part in (*parts, *EVERYWHERE)})

    def template(self, group: Group) -> Template:
        """The template of a group: of this session, of the cache, or prepared now (about 30 s)."""
        address = repr((group_of(group.first), sorted(group.parts)))
        if address not in self.templates:
            self.templates[address] = template(group.first, self.image, self.machine, group.parts.values())
        return self.templates[address]


@dataclass(slots=True)
class PreparedGuest:
    """A prepared guest of which each trial gets a fork, and the trials that one test has run on it."""

    session: Session
    golden: Trial
    parts: dict[str, Any]
    trials: list[Ran] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)  # by the template's address

    def run(self, **parts: Any) -> Ran:
        """The golden trial with other parts (`fault=`, `trigger=`, `policy=`, ...), on a fork of its own.

        Raises: UsageError if a fault has no trigger, HarnessError if the trial is void, UnmetNeed.
        """
        trial = self.planned(**parts)
        group = self.group_of(trial)
        base = self.session.template(group)
        self.groups.setdefault(base.key, group)
        n = len(self.trials)
        row = run_valid(base, n, settled(n, trial, base))
        if row.record is None:
            raise HarnessError(f"trial {n} is void: {row.void}")
        self.trials.append(Ran(row, row.record, judge(row.record)))
        return self.trials[-1]

    def planned(self, **parts: Any) -> Trial:
        """The golden trial with other parts. Raises: UsageError if a fault has no trigger."""
        trial = replace(self.golden, **parts)
        if (trial.fault is None) != (trial.trigger is None):
            raise UsageError(f"a fault needs a trigger, and a trigger a fault: {trial}")
        return trial

    def group_of(self, trial: Trial) -> Group:
        """The parts that a trial's template is prepared from: the marker's, and the trial's of other modules."""
        parts = dict(self.parts)
        there = {type(inner).__module__ for part in parts.values() for inner in iter_parts(part)}
        for part in (trial.fault, trial.trigger, trial.policy):
            if part is not None and not {type(inner).__module__ for inner in iter_parts(part)} <= there:
                parts[kind_of(part)] = part
        return Group(trial, parts)


def session() -> tuple[Session | None, str]:
    """A session, or a description of what is missing for one."""
    missing = [f"{found.name}: {found.detail} ({found.mend})" for found in doctor.examine() if not found.ok]
    if missing:
        return None, "; ".join(missing)
    try:
        return Session(image.image()), ""
    except UnmetNeed as reason:
        return None, str(reason)
