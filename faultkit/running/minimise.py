"""Minimisation of a trial's faults, with the same outcome: delta debugging, on real trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from faultkit.machine.image import Image
from faultkit.machine.template import Template
from faultkit.model.codec import encode
from faultkit.model.errors import HarnessError, UsageError
from faultkit.model.events import Outcome
from faultkit.model.parts import Compound, simple_faults
from faultkit.model.trial import Trial
from faultkit.running.replay import restored, runnable
from faultkit.running.trial import run_trial
from faultkit.store.store import Store
from faultkit.verdict.judge import judge

Subset = tuple[int, ...]  # which of the faults, by position
Run = Callable[[Subset], Outcome | None]  # None: void


@dataclass(frozen=True, slots=True)
class SearchStep:
    """One trial of the search: its faults, and its outcome."""

    faults: Subset
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimal:
    """A minimal set: without any one of these faults the trial ends otherwise, or is void."""

    outcome: Outcome
    of: int  # how many faults there were
    faults: Subset
    plans: tuple[Any, ...]  # these faults, encoded
    steps: tuple[SearchStep, ...]


def ddmin(count: int, fails: Callable[[Subset], bool]) -> Subset:
    """Positions of a 1-minimal part of `count` items that still fails: leave out any one, and it does not.

    `fails` must hold for all items; it is asked several times for the same part. It is not the smallest of all parts:
    that would take a trial for each. A. Zeller, R. Hildebrandt, "Simplifying and isolating failure-inducing input",
    IEEE Transactions on Software Engineering 28 (2002), 183-200.
    """
    kept, pieces = tuple(range(count)), 2
    while len(kept) >= 2:
        parts = cut(kept, pieces)
        rests = [tuple(n for n in kept if n not in part) for part in parts] if pieces > 2 else []
        if (part := first(parts, fails)) is not None:
            kept, pieces = part, 2
        elif (rest := first(rests, fails)) is not None:
            kept, pieces = rest, max(pieces - 1, 2)
        elif pieces < len(kept):
            pieces = min(2 * pieces, len(kept))
        else:
            break
    return kept


def cut(kept: Subset, pieces: int) -> list[Subset]:
    """Pieces of about the same length, in order."""
    edges = [len(kept) * n // pieces for n in range(pieces + 1)]
    return [kept[start:end] for start, end in pairwise(edges)]


def first(parts: Iterable[Subset], fails: Callable[[Subset], bool]) -> Subset | None:
    """The first part that still fails."""
    return next((part for part in parts if fails(part)), None)


@dataclass(slots=True)
class Search:
    """Trials with some of the faults, each run once, and whether they end as the first did."""

    run: Run
    expected: Outcome
    told: Callable[[SearchStep], None]
    steps: list[SearchStep] = field(default_factory=list)
    known: dict[Subset, bool] = field(default_factory=dict)

    def fails(self, faults: Subset) -> bool:
        """True if these faults give the same outcome."""
        if faults not in self.known:
            step = SearchStep(faults, self.run(faults))
            self.steps.append(step)
            self.told(step)
            self.known[faults] = step.outcome is self.expected
        return self.known[faults]


def minimise(store: Store, n: int, image: Image, told: Callable[[SearchStep], None]) -> Minimal:
    """The few faults of trial `n` that cause its outcome; `told` is called with every trial that is run.

    Raises: UsageError if the trial did not fail or has one fault only; UnmetNeed if its template cannot be had;
    HarnessError if it does not end again as it did.
    """
    record = runnable(store, n)
    trial, expected = record.trial, judge(record).outcome
    faults = simple_faults(trial.fault)
    if len(faults) < 2:
        raise UsageError(f"trial {n} of {store.path} has {len(faults) or 'no'} fault only: nothing can be left out")
    if expected <= Outcome.MASKED:
        raise UsageError(f"trial {n} of {store.path} is {expected.name}: that is no failure")
    base = restored(store, store.template(n), image)
    search = Search(lambda subset: outcome_with(base, trial, subset), expected, told)
    if not search.fails(tuple(range(len(faults)))):
        raise HarnessError(f"trial {n} does not end in {expected.name} again: see `faultkit replay {store.path} {n}`")
    left = ddmin(len(faults), search.fails)
    plans = tuple(encode(faults[i]) for i in left)
    return Minimal(outcome=expected, of=len(faults), faults=left, plans=plans, steps=tuple(search.steps))


def outcome_with(base: Template, trial: Trial, faults: Subset) -> Outcome | None:
    """The outcome of a trial with some of its faults; None if it is void."""
    if not isinstance(trial.fault, Compound):
        raise UsageError("the trial has one fault only: nothing can be left out")
    some = trial.fault.made_of(tuple(trial.fault.faults[i] for i in faults))
    try:
        return judge(run_trial(base, replace(trial, fault=some))).outcome
    except HarnessError:
        return None


def minimal_json(found: Minimal) -> dict[str, Any]:
    """The minimal set, for scripts."""
    return {
        "outcome": found.outcome.name,
        "of": found.of,
        "faults": list(found.faults),
        "plans": list(found.plans),
        "steps": [[list(step.faults), step.outcome.name if step.outcome is not None else None] for step in found.steps],
    }
