"""Running a stored trial again: does it end the same way, and do the same things happen at the same instants?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from faultkit.codec import decode
from faultkit.errors import UnmetNeed, UsageError
from faultkit.image import Image
from faultkit.judge import judge
from faultkit.model import Event, Record
from faultkit.qemu import Machine
from faultkit.store import Store, pack_events, unpack_events
from faultkit.template import Template, template
from faultkit.trial import run_trial


@dataclass(frozen=True, slots=True)
class Replay:
    """One run of a stored trial: what agrees, and the first event that does not."""

    n: int
    outcome: str
    outcome_agrees: bool
    events_agree: bool
    difference: tuple[Event | None, Event | None] | None = None


def replay(store: Store, numbers: list[int], times: int, jobs: int, image: Image) -> Iterator[Replay]:
    """Each trial `times` times, in order.

    Raises: UsageError for a void trial, UnmetNeed if its template cannot be had.
    """
    templates = dict[str, Template]()
    work = []
    for n in numbers:
        record, key = store.record(n), store.template(n)
        if key not in templates:
            templates[key] = restored(store, key, image)
        work += [partial(again, n, record, templates[key])] * times
    with ThreadPoolExecutor(jobs, "replay") as pool:
        yield from pool.map(lambda call: call(), work)


def restored(store: Store, key: str, image: Image) -> Template:
    """A campaign's template, prepared again if the cache has dropped it: it comes back bit for bit.

    Raises: UnmetNeed if it would be another one, since code, guest or QEMU have changed.
    """
    meta: dict[str, Any] = store.meta()
    if meta["image"] != image.key:
        raise UnmetNeed(f"{store.path} was run on another guest ({meta['image']}, {meta['kernel']})")
    recipe = meta["templates"][key]
    machine = Machine(accel=meta["accel"], shift=meta["shift"])
    try:
        first, parts = decode(recipe["first"]), [decode(part) for part in recipe["parts"]]
    except (ImportError, AttributeError, TypeError) as reason:
        raise UsageError(f"the parts of {store.path} are gone ({reason}): run from where its experiment lies") from None
    found = template(first, image, machine, parts)
    if found.key != key:
        raise UnmetNeed(f"{store.path} was run with other code or another QEMU: check out its git_revision")
    return found


def again(n: int, record: Record, base: Template) -> Replay:
    """Run once more and compare."""
    fresh = run_trial(base, record.trial)
    events = unpack_events(pack_events(fresh.events))  # as they would be read back
    then, now = judge(record).outcome, judge(fresh).outcome
    same = events == record.events
    return Replay(n, now.name, then is now, same, None if same else first_difference(record.events, events))


def first_difference(then: tuple[Event, ...], now: tuple[Event, ...]) -> tuple[Event | None, Event | None]:
    """The first place where two time lines part; None where one of them has ended."""
    length = max(len(then), len(now))
    padded = ([*line, *[None] * (length - len(line))] for line in (then, now))
    return next(pair for pair in zip(*padded, strict=True) if pair[0] != pair[1])
