"""Run stored trials again, and compare outcomes and events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from faultkit.machine import qemu
from faultkit.machine.image import Image, recorded_guest
from faultkit.machine.qemu import Machine, checked_options
from faultkit.machine.template import Blueprint, Template, blueprint
from faultkit.model.codec import decode, foreign_parts
from faultkit.model.errors import UnmetNeed, UsageError
from faultkit.model.events import Event
from faultkit.model.known import known, trial_of
from faultkit.model.trial import Record
from faultkit.running.code_changes import recorded, told
from faultkit.running.trial import run_trial
from faultkit.running.trusting import refuse_foreign
from faultkit.store import queries
from faultkit.store.meta import Meta
from faultkit.store.packing import read_back
from faultkit.store.store import ReplayRow, Store
from faultkit.verdict.judge import judge

PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~:_-]{0,199}")  # a name of a package, or its version


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored trial that was run again: agreement, and the first event that differs."""

    n: int
    outcome: str
    outcome_agrees: bool
    events_agree: bool
    difference: tuple[Event | None, Event | None] | None = None


def replay(store: Store, numbers: Sequence[int], times: int, jobs: int, image: Image) -> Iterator[Replay]:
    """Each trial `times` times, in order; the results go into the store, which must be writable.

    Raises: UsageError for a void trial, UnmetNeed if its template cannot be had.
    """
    records = [runnable(store, n) for n in numbers]
    bases = templates(store, numbers, image)
    work = [partial(run_again, n, record, bases[n]) for n, record in zip(numbers, records, strict=True)]
    with ThreadPoolExecutor(jobs, "replay") as pool:
        for found in pool.map(lambda call: call(), [call for call in work for _ in range(times)]):
            store.add_replay(as_row(found, jobs))
            yield found


def runnable(store: Store, n: int) -> Record:
    """The record of a valid trial whose parts are all loaded. Raises: UsageError."""
    record = store.record(n)
    refuse_foreign(record.trial, store, n)
    return record


def templates(store: Store, numbers: Iterable[int], image: Image) -> dict[int, Template]:
    """The template of each of some trials. Raises: UsageError, UnmetNeed, HarnessError."""
    keys = {n: store.template(n) for n in numbers}
    plans = {key: recorded_blueprint(store, key, image) for key in sorted(set(keys.values()))}
    for plan in plans.values():
        plan.hold()
    found = {key: plan.template() for key, plan in plans.items()}
    return {n: found[key] for n, key in keys.items()}


def restored(store: Store, key: str, image: Image) -> Template:
    """A campaign's template, prepared again if the cache has dropped it: it comes back bit for bit.

    Raises: UsageError, UnmetNeed if it would be another one, HarnessError.
    """
    return recorded_blueprint(store, key, image).template()


def recorded_blueprint(store: Store, key: str, image: Image) -> Blueprint:
    """The blueprint of a campaign's template.

    Raises: UnmetNeed if it would be another one, since code, guest or QEMU have changed; UsageError if its parts are
    gone, HarnessError if its guest cannot be built.
    """
    meta = store.meta()
    image = recorded_image(store, image)
    machine = recorded_machine(meta)
    try:
        recipe = meta.templates[key]
        first, parts = trial_of(recipe["first"]), [decode(part, known) for part in recipe["parts"]]
    except (ImportError, AttributeError, TypeError, KeyError, ValueError) as reason:
        raise UsageError(f"the parts of {store.path} are gone ({reason}): run from where its experiment lies") from None
    for foreign in foreign_parts((first, tuple(parts))):
        raise UsageError(f"{store.path} cannot be run again: the module of {foreign.name} is not loaded")
    found = blueprint(first, image, machine, parts)
    if found.key != key:
        raise UnmetNeed(other_code(store.path, meta, recipe, found))
    return found


def recorded_machine(meta: Meta) -> Machine:
    """The machine that a campaign was run on."""
    return Machine(accel=meta.accel, shift=meta.shift, kernel_options=checked_options(meta.kernel_options))


def recorded_image(store: Store, image: Image | None = None) -> Image:
    """The guest that a campaign was run on: this one, a cached one, or one that is built now.

    Raises: UnmetNeed that says what differs if it cannot be built here, HarnessError if the build fails.
    """
    meta = store.meta()
    if image is not None and meta.image == image.key:
        return image
    hashes, versions = dict(meta.image_hashes), dict(meta.image_packages)
    for name in (str(meta.kernel), *versions, *versions.values()):
        if not PACKAGE.fullmatch(name):
            raise UsageError(f"{store.path} names a package {name[:60]!r}, which apt is not asked for")
    try:
        return recorded_guest(str(meta.image), str(meta.kernel), hashes, versions)
    except UnmetNeed as reason:
        raise UnmetNeed(f"{store.path} was run on another guest: {reason}") from None


def other_code(path: Path, meta: Meta, recipe: Mapping[str, Any], found: Blueprint) -> str:
    """The reason for which a template has another key than the one recorded."""
    if meta.qemu != (now := qemu.qemu_version()):
        return f"{path} was run with another QEMU: {meta.qemu} then, {now} now"
    changed = told([recipe], [recorded(found)]) or "that or the compiler has changed"
    revisions = ", ".join(
        [f"faultkit's {meta.git_revision}", *(f"{name} {at}" for name, at in meta.own_revisions.items())]
    )
    return f"{path} was run with other code: {changed}; check out the revision that it was run with ({revisions})"


def run_again(n: int, record: Record, base: Template) -> Replay:
    """Run once more and compare."""
    fresh = run_trial(base, record.trial)
    events = read_back(fresh.events)
    then, now = judge(record).outcome, judge(fresh).outcome
    same = events == record.events
    return Replay(n, now.name, then is now, same, None if same else first_difference(record.events, events))


def first_difference(then: tuple[Event, ...], now: tuple[Event, ...]) -> tuple[Event | None, Event | None]:
    """The first place where two time lines part; None where one of them has ended."""
    length = max(len(then), len(now))
    padded = ([*line, *[None] * (length - len(line))] for line in (then, now))
    return next(pair for pair in zip(*padded, strict=True) if pair[0] != pair[1])


def spread(store: Store, sample: int) -> list[int]:
    """Valid trials, evenly spread, the worst of them not favoured. Raises: UsageError if there are none."""
    valid = queries.valid_numbers(store)
    if not valid:
        raise UsageError(f"{store.path} has no valid trial to run again")
    count = min(sample, len(valid))
    return [valid[i * len(valid) // count] for i in range(count)]


def replay_summary(found: Replay) -> str:
    """Describe a replay in a line; if events differ, in three."""
    same = "bit for bit the same" if found.events_agree else "other events"
    outcome = "the same outcome" if found.outcome_agrees else "ANOTHER OUTCOME"
    line = f"trial {found.n}: {found.outcome}, {outcome}, {same}"
    return f"{line}\n{parted(found.difference)}" if found.difference else line


def parted(difference: tuple[Event | None, Event | None]) -> str:
    """Describe the first difference of two time lines."""
    then, now = (f"{e.t_ns} ns {e.kind} {dict(e.data)}" if e else "nothing" for e in difference)
    return f"  then: {then}\n  now:  {now}"


def as_row(found: Replay, jobs: int) -> ReplayRow:
    """A replay as the store keeps it."""
    return ReplayRow(
        n=found.n,
        jobs=jobs,
        outcome=found.outcome,
        outcome_agrees=found.outcome_agrees,
        events_agree=found.events_agree,
        difference=parted(found.difference) if found.difference else None,
        replayed=datetime.now(UTC).isoformat(timespec="seconds"),
    )
