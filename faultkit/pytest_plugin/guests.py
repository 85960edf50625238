"""Objects of the fixtures: guests to run trials on, and the trials that were run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from faultkit import AtOnce, Nothing, Outcome, Record, Trial
from faultkit.machine import image
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, group_of, template
from faultkit.model.codec import name_of
from faultkit.model.errors import HarnessError, NotPlaced, Runaway, UnmetNeed, UsageError
from faultkit.model.events import Event, Kind
from faultkit.model.parts import iter_parts
from faultkit.running import doctor
from faultkit.running.campaign import ATTEMPTS, row_of, with_site
from faultkit.running.experiment import TemplateGroup, kind_of
from faultkit.running.trial import run_trial
from faultkit.store.store import Row
from faultkit.verdict.judge import Verdict, judge
from faultkit.verdict.outcomes import SURVIVED

EVERYWHERE = (Nothing(), AtOnce())  # their modules are in every guest: any policy and trigger of ours shares a template

UNEVENTFUL = frozenset({Kind.REQUEST_ISSUED, Kind.REQUEST_COMPLETED})
ROUTINE = ("call.", "block.", "net.")  # families of kinds


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

    def story(self) -> list[Event]:
        """The events but for calls, packets, and requests that went well."""
        return [e for e in self.record.events if e.kind not in UNEVENTFUL and not e.kind.startswith(ROUTINE)]

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

    def template(self, group: TemplateGroup) -> Template:
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
    groups: dict[str, TemplateGroup] = field(default_factory=dict)  # by the template's address
    base: TemplateGroup | None = None  # every trial runs on this group's template, also one with another workload

    @property
    def template(self) -> Template:
        """The template of the golden trial."""
        return self.session.template(self.base or TemplateGroup(self.golden, self.parts))

    def run(self, **parts: Any) -> Ran:
        """Run the golden trial with other parts (`fault=`, `trigger=`, `policy=`, ...) on a fork of its own.

        Raises: UsageError if a fault has no trigger, NotPlaced, another HarnessError if the trial is void, UnmetNeed.
        """
        return self.run_all([parts])[0]

    def run_all(self, trials: Iterable[Mapping[str, Any]], jobs: int = 1) -> list[Ran]:
        """Run several such trials, `jobs` at a time; their order is kept. Raises: as `run`."""
        settled_trials = [self.settled(n, parts) for n, parts in enumerate(trials, len(self.trials))]
        with ThreadPoolExecutor(jobs) as pool:
            ran = list(pool.map(lambda trial: finished(*trial), settled_trials))
        self.trials += ran
        return ran

    def settled(self, n: int, parts: Mapping[str, Any]) -> tuple[Template, int, Trial]:
        """The template for a trial, its number, and the trial with its fault's site fixed."""
        trial = self.planned(**parts)
        group = self.group_of(trial)
        base = self.session.template(group)
        self.groups.setdefault(base.key, group)
        return base, n, with_site(n, trial, base)

    def trial(self, **parts: Any) -> Trial:
        """The golden trial with other parts, its fault's site fixed."""
        return self.settled(len(self.trials), parts)[2]

    def planned(self, **parts: Any) -> Trial:
        """The golden trial with other parts. Raises: UsageError if a fault has no trigger."""
        trial = replace(self.golden, **parts)
        if (trial.fault is None) != (trial.trigger is None):
            raise UsageError(f"a fault needs a trigger, and a trigger a fault: {trial}")
        return trial

    def group_of(self, trial: Trial) -> TemplateGroup:
        """The parts that a trial's template is prepared from: the marker's, and the trial's of other modules."""
        if self.base is not None:
            return self.base
        parts = dict(self.parts)
        there = {type(inner).__module__ for part in parts.values() for inner in iter_parts(part)}
        for part in (trial.fault, trial.trigger, trial.policy):
            if part is not None and not {type(inner).__module__ for inner in iter_parts(part)} <= there:
                parts[kind_of(part)] = part
        return TemplateGroup(trial, parts)


def finished(base: Template, n: int, trial: Trial, attempt: int = 1) -> Ran:
    """Run a trial until it is valid. Raises: NotPlaced and Runaway at once, HarnessError after the last attempt."""
    try:
        record = run_trial(base, trial)
    except HarnessError as failure:
        if isinstance(failure, (NotPlaced, Runaway)) or attempt == ATTEMPTS:
            raise
        return finished(base, n, trial, attempt + 1)
    return Ran(row_of(base, n, trial, attempt, record), record, judge(record))


def session() -> tuple[Session | None, str]:
    """A session, or a description of what is missing for one."""
    missing = [f"{found.name}: {found.detail} ({found.mend})" for found in doctor.examine() if not found.ok]
    if missing:
        return None, "; ".join(missing)
    try:
        return Session(image.image()), ""
    except UnmetNeed as reason:
        return None, str(reason)
