"""Interference between trials at the same time: the same trials, one and several at a time, compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from faultkit.machine.image import Image
from faultkit.machine.template import Template
from faultkit.model.trial import Record, Trial
from faultkit.running.replay import Replay, run_again, runnable, templates
from faultkit.running.trial import run_trial
from faultkit.store.packing import read_back
from faultkit.store.store import Store

BATCH = 32  # records that are held in memory


def interference(store: Store, numbers: Sequence[int], jobs: int, image: Image) -> Iterator[Replay]:
    """Stored trials, each run alone and then again with `jobs` at a time; how the second run differs from the first.

    S. Winter, O. Schwahn, R. Natella, N. Suri, D. Cotroneo, "No PAIN, no gain? The utility of parallel fault
    injections", ICSE 2015: there, injections in parallel changed what was measured.
    Raises: UsageError for a void trial, UnmetNeed if a template cannot be had.
    """
    trials = {n: runnable(store, n).trial for n in numbers}
    bases = templates(store, numbers, image)
    with ThreadPoolExecutor(jobs, "together") as pool:
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start : start + BATCH]
            alone = [recorded(bases[n], trials[n]) for n in batch]
            yield from pool.map(run_again, batch, alone, [bases[n] for n in batch])


def recorded(base: Template, trial: Trial) -> Record:
    """A run whose events are as they would be read back from a store."""
    record = run_trial(base, trial)
    return replace(record, events=read_back(record.events))


def as_meta(found: Iterable[Replay], jobs: int) -> dict[str, Any]:
    """The facts about a comparison that the store keeps."""
    runs = list(found)
    return {
        "jobs": jobs,
        "trials": len(runs),
        "outcome_agrees": sum(run.outcome_agrees for run in runs),
        "events_agree": sum(run.events_agree for run in runs),
        "differing": [run.n for run in runs if not run.events_agree],
    }
