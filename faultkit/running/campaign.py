"""A campaign: an experiment's list of trials, run through an executor and stored as they end."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from faultkit.machine import qemu
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.relocate import relocated
from faultkit.machine.template import Blueprint, Template, blueprint, group_of
from faultkit.model.codec import encode, name_of
from faultkit.model.errors import (
    FaultkitError,
    HarnessError,
    NotPlaced,
    Runaway,
    UnmetNeed,
    Unreadable,
    UsageError,
    passes,
)
from faultkit.model.parts import Placeable
from faultkit.model.trial import Record, Trial
from faultkit.results.stopping import StopCondition, Stopper, stopper_of, success
from faultkit.running.code_changes import FILES, faultkits_revision, own_revisions, recorded, told
from faultkit.running.experiment import Experiment, Plan, TemplateGroup, describe, listed
from faultkit.running.judging import add_or_void, judge_added, judge_missing
from faultkit.running.trial import run_trial
from faultkit.statistics.sequential import StoppingRule
from faultkit.store.birth import vacant
from faultkit.store.meta import Meta
from faultkit.store.store import Row, Store
from faultkit.verdict.judge import Verdict

PLACED_AHEAD = 10_000  # faults, at a millisecond each; those behind are placed when it is their turn
ATTEMPTS = 3  # a void trial is tried again
SAME_ON_RESUME = (
    "experiment", "planned", "list_hash", "image", "kernel_options", "templates", "qemu", "accel", "shift", "stop",
)  # fmt: skip


class ProgressListener(Protocol):
    """Receives a campaign's progress."""

    def preparing(self, driver: str) -> None:
        """Hear that a template of this driver is being prepared."""

    def started(self, planned: int, done: int) -> None:
        """Hear that trials begin; `done` of them were stored by an earlier run."""

    def stored(self, row: Row, verdict: Verdict | None) -> None:
        """Hear that a trial is in the store. Without a verdict it is void, or the oracle raised an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign to run: its plan and its settings."""

    experiment: Experiment
    plan: Plan
    seed: int
    count: int | None
    jobs: int
    machine: Machine
    image: Image
    stop: StoppingRule | StopCondition | None = None  # ends it before its list does

    def trials(self) -> Iterator[Trial]:
        """The trials of the campaign's list, from its beginning."""
        return listed(self.experiment, self.seed, self.count)


def run_campaign(
    campaign: Campaign, out: Path, *, resume: bool, listener: ProgressListener, executor: Executor | None = None
) -> None:
    """Prepare the templates; run each trial that is not yet stored for good, store it, judge it.

    An interrupt (Ctrl-C, SIGTERM, SIGHUP) lets the trials that are under way end and stores them. To be called under
    the `claim` on the directory.
    Raises: UsageError, UnmetNeed, HarnessError; KeyboardInterrupt after an interrupt.
    """
    going_on = resume and not vacant(out)
    begun = time.monotonic()
    blueprints = blueprints_of(campaign)
    facts = about(campaign, blueprints)
    if going_on:
        refuse_others(out, facts)
    templates = prepare(campaign, blueprints, listener)
    refuse_unplaced(campaign, templates)
    with resumed(out, facts) if going_on else Store.create(out, facts) as store:
        prepared = time.monotonic()
        add_seconds(store, "prepare_s", prepared - begun)
        try:
            with executor or ThreadPoolExecutor(campaign.jobs, "trial") as pool:
                run_missing(campaign, store, templates, pool, listener)
        finally:
            add_seconds(store, "wall_s", time.monotonic() - prepared)
            store.set_meta("finished", now())


def refuse_others(out: Path, facts: Mapping[str, Any]) -> None:
    """Refuse, before anything is prepared, results that cannot be read or were measured on something else.

    Raises: UsageError.
    """
    with Store.open(out) as store:
        refuse_mismatch(store, facts)


@contextmanager
def resumed(out: Path, facts: Mapping[str, Any]) -> Iterator[Store]:
    """The store of a campaign that goes on. Raises: UsageError if it was measured on something else."""
    with Store.open(out, readonly=False) as store:
        refuse_mismatch(store, facts)
        judge_missing(store)
        store.set_meta("finished", None)
        yield store


def add_seconds(store: Store, key: str, seconds: float) -> None:
    """Add to the seconds of earlier runs of the campaign."""
    store.set_meta(key, (getattr(store.meta(), key) or 0.0) + seconds)


def prepare(campaign: Campaign, blueprints: Mapping[str, Blueprint], listener: ProgressListener) -> dict[str, Template]:
    """The templates that the list needs, by group; none that is there is dropped before the first is prepared."""
    for each in blueprints.values():
        each.hold()
    templates = {}
    for key, group in campaign.plan.groups.items():
        listener.preparing(name_of(group.first.driver))
        templates[key] = blueprints[key].template()
    return templates


def blueprints_of(campaign: Campaign) -> dict[str, Blueprint]:
    """The blueprints of the templates that the list needs, by group."""
    groups, image, machine = campaign.plan.groups, campaign.image, campaign.machine
    return {key: blueprint(each.first, image, machine, each.parts.values()) for key, each in groups.items()}


def refuse_unplaced_now(campaign: Campaign) -> bool:
    """Refuse a fault without a place if all templates are at hand; False if they are not. Raises: NotPlaced."""
    blueprints = blueprints_of(campaign)
    if not all(each.hold() for each in blueprints.values()):
        return False
    refuse_unplaced(campaign, {key: each.template() for key, each in blueprints.items()})
    return True


def refuse_unplaced(campaign: Campaign, templates: Mapping[str, Template]) -> None:
    """Refuse a list with a fault that has no place, before its first trial; so far as it takes seconds to see.

    Raises: NotPlaced.
    """
    if not campaign.experiment.settled:
        for n, trial in enumerate(islice(campaign.trials(), PLACED_AHEAD)):
            with_site(n, trial, templates[group_of(trial)])


def run_missing(
    campaign: Campaign, store: Store, templates: dict[str, Template], pool: Executor, listener: ProgressListener
) -> None:
    """Every trial that is not done for good, until a decision; a few at a time: the list may be longer than memory.

    Whatever ends it, the trials that are under way come to their end and are stored.
    """
    done = store.done_for_good()
    listener.started(campaign.plan.count, len(done))
    flight = Flight(store, listener, stopper_of(campaign.stop, store))
    try:
        for n, trial in enumerate(campaign.trials()):
            if n in done:
                continue
            flight.wait_below(2 * campaign.jobs)
            if flight.stopper.decided:
                break
            base = templates[group_of(trial)]
            if campaign.experiment.settled:
                flight.add(pool.submit(run_relocated, base, n, trial))
            else:
                flight.add(pool.submit(run_valid, base, n, with_site(n, trial, base)))
        flight.finish()
    except BaseException:
        flight.abandon()
        raise
    finally:
        store.set_meta("decision", flight.stopper.as_meta())


@dataclass(slots=True)
class Flight:
    """The trials that are under way."""

    store: Store
    listener: ProgressListener
    stopper: Stopper
    futures: set[Future[Row]] = field(default_factory=set)

    def add(self, future: Future[Row]) -> None:
        """Start one more trial."""
        self.futures.add(future)

    def wait_below(self, limit: int) -> None:
        """Store trials that have ended until fewer than `limit` are under way."""
        while len(self.futures) >= limit:
            ended, self.futures = wait(self.futures, return_when=FIRST_COMPLETED)
            self.keep(ended)

    def finish(self) -> None:
        """Store what ends until nothing is under way, or until a decision makes the rest needless."""
        while self.futures and not self.stopper.decided:
            self.wait_below(len(self.futures))
        self.abandon()

    def abandon(self) -> None:
        """Start no further trial; store those that were already running."""
        running = {future for future in self.futures if not future.cancel()}
        self.futures = set()
        self.keep(wait(running).done)

    def keep(self, ended: set[Future[Row]]) -> None:
        """Store and judge trials, in the order of the list. Raises: the error of a run that gave no row, at the end."""
        failed = [future for future in ended if future.exception()]
        for made in sorted((future.result() for future in ended.difference(failed)), key=lambda row: row.n):
            row = add_or_void(self.store, made)
            verdict = judge_added(self.store, row).verdict
            self.stopper.ended(row.n, success(name_of(row.trial.fault), verdict.outcome if verdict else None))
            self.listener.stored(row, verdict)
        for future in failed:
            future.result()


def with_site(n: int, trial: Trial, base: Template) -> Trial:
    """Trial `n` with its fault's site fixed. Raises: NotPlaced if there is no such site."""
    if not isinstance(trial.fault, Placeable):
        return trial
    try:
        return replace(trial, fault=trial.fault.place(base.code))
    except NotPlaced as reason:
        raise NotPlaced(f"trial {n} cannot be placed: {reason}") from None
    except Exception as reason:
        raise NotPlaced(f"trial {n} cannot be placed: {describe(reason)}") from reason


def run_relocated(base: Template, n: int, trial: Trial) -> Row:
    """Run a trial whose site was settled on another template; void, without a run, if this one does not have it."""
    try:
        moved = relocated(trial.fault, base.code)
    except NotPlaced as reason:
        return row_of(base, n, trial, 0, None, str(reason))
    return run_valid(base, n, replace(trial, fault=moved))


def run_valid(base: Template, n: int, trial: Trial) -> Row:
    """Run a trial until it is valid; void if it never is. An error of whatever kind ends this trial alone.

    Raises: UnmetNeed, for which every other trial would be void, too.
    """
    failure: BaseException
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return row_of(base, n, trial, attempt, run_trial(base, trial))
        except UnmetNeed:
            raise
        except (Exception, SystemExit) as reason:
            failure = reason
        if not worth_another(failure):
            break
    why = str(failure) if isinstance(failure, FaultkitError) else describe(failure)
    return row_of(base, n, trial, attempt, None, why, passing=passes(failure))


def worth_another(failure: BaseException) -> bool:
    """Say if a trial that failed so may run well at once."""
    lasting = isinstance(failure, (NotPlaced, Runaway, Unreadable)) or not isinstance(failure, HarnessError)
    return passes(failure) or not lasting


def row_of(
    base: Template,
    n: int,
    trial: Trial,
    attempts: int,
    record: Record | None,
    void: str | None = None,
    *,
    passing: bool = False,
) -> Row:
    """A trial as it is stored."""
    return Row(n=n, trial=trial, template=base.key, attempts=attempts, record=record, void=void, passing=passing)


def about(campaign: Campaign, blueprints: Mapping[str, Blueprint]) -> dict[str, Any]:
    """The facts about a campaign's run that the store keeps."""
    return {
        "experiment": campaign.experiment.name,
        "question": campaign.experiment.question,
        "file": str(campaign.experiment.file) if campaign.experiment.file else None,
        "seed": campaign.seed,
        "planned": campaign.plan.count,
        "list_hash": campaign.plan.digest,
        "command": shlex.join(["faultkit", *sys.argv[1:]]),
        "jobs": campaign.jobs,
        "faultkit_version": version("faultkit"),
        "git_revision": faultkits_revision(),
        "own_revisions": own_revisions(blueprints.values(), campaign.experiment.file),
        "kernel": campaign.image.kernel,
        "image": campaign.image.key,
        "image_hashes": dict(campaign.image.hashes),
        "image_packages": dict(campaign.image.packages),
        "qemu": qemu.qemu_version(),
        "accel": campaign.machine.accel,
        "shift": campaign.machine.shift,
        "kernel_options": campaign.machine.kernel_options,
        "drivers": sorted({name_of(group.first.driver) for group in campaign.plan.groups.values()}),
        "templates": {
            blueprints[key].key: recipe(group, blueprints[key]) for key, group in campaign.plan.groups.items()
        },
        "stop": encode(campaign.stop),
        "started": now(),
    }


def recipe(group: TemplateGroup, blueprint: Blueprint) -> dict[str, Any]:
    """The parts that are needed to prepare a template again, and the code that went into it."""
    parts = [encode(part) for part in group.parts.values()]
    return {"first": encode(group.first), "parts": parts, FILES: recorded(blueprint)}


def refuse_mismatch(store: Store, facts: Mapping[str, Any]) -> None:
    """Refuse to go on with a campaign that was measured on something else. Raises: UsageError."""
    then, now_ = store.meta(), Meta.of(facts)
    for key in SAME_ON_RESUME:
        before, today = getattr(then, key), getattr(now_, key)
        if key == "templates" and set(before) == set(today):
            continue
        if before != today:
            what = code_of(then, now_) if key == "templates" else f"other {key} ({before} then, {today} now)"
            raise UsageError(f"{store.path} cannot be resumed: it was run with {what}; leave out --resume")


def code_of(then: Meta, now: Meta) -> str:
    """The difference in code between two campaigns, in words."""
    changed = told(then.templates.values(), (recipe[FILES] for recipe in now.templates.values()))
    return f"other code: {changed}" if changed else "other code or parts"


def now() -> str:
    """The time of day, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
