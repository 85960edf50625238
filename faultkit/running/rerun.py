"""A stored fault list as an experiment: the same trials, sites included, with another policy, monitors or driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faultkit.model.codec import name_of
from faultkit.model.errors import UsageError
from faultkit.model.trial import Trial
from faultkit.running.experiment import Experiment
from faultkit.running.foresight import check_parts
from faultkit.running.trusting import refuse_foreign
from faultkit.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Parts to replace; None keeps the stored one."""

    policy: Any = None
    monitors: tuple[Any, ...] | None = None
    driver: Any = None

    def of(self, trial: Trial) -> Trial:
        """The trial with the changes made."""
        return replace(trial, **{name: value for name, value in self.named().items() if value is not None})

    def named(self) -> dict[str, Any]:
        """The changed parts, by the name of the trial's field."""
        return {"policy": self.policy, "monitors": self.monitors, "driver": self.driver}

    def __str__(self) -> str:
        words = [f"{name} {short_names(value)}" for name, value in self.named().items() if value is not None]
        return ", ".join(words) or "nothing changed"


def short_names(value: Any) -> str:
    """A part, or several, by short names."""
    return "+".join(map(name_of, value)) or "none" if isinstance(value, tuple) else name_of(value)


def experiment_of(store: Store, changes: Changes) -> Experiment:
    """The trials of a campaign as an experiment; trial n is again trial n. Its seed makes no difference.

    Raises: UsageError if the campaign has holes: it was interrupted.
    """
    if store.done() != set(range(len(store.done()))):
        raise UsageError(f"{store.path} was interrupted and has holes: `faultkit run --resume` fills them")
    meta, path = store.meta(), store.path
    file = Path(meta.file) if meta.file else None

    def trials(seed: int) -> Iterator[Trial]:
        del seed
        with Store.open(path) as again:
            for n in range(len(again.done())):
                trial = refuse_foreign(changes.of(again.trial(n)), again, n)
                if changes.policy is not None or changes.driver is not None:
                    check_parts(n, trial.policy, trial.driver)
                yield trial

    question = f"The trials of {path} again: {changes}."
    return Experiment(f"{meta.experiment}-again", question, trials, file, settled=True)
