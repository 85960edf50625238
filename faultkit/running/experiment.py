"""An experiment: a Python file whose docstring asks a question and whose `trials(seed)` yields trials."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from faultkit.machine.template import group_of
from faultkit.model import same_names
from faultkit.model.codec import dumps, name_of
from faultkit.model.errors import HarnessError, UsageError, passes, words_of
from faultkit.model.parts import Ships, iter_parts
from faultkit.model.trial import Trial
from faultkit.results.stopping import StopCondition
from faultkit.running.foresight import check_trial
from faultkit.statistics.sequential import StoppingRule

PACKAGE = "experiments"
LOOK_AHEAD = 10_000  # trials; a list may have no end


@dataclass(frozen=True, slots=True)
class Experiment:
    """A loaded experiment file."""

    name: str
    question: str
    trials: Callable[[int], Iterator[Trial]]
    file: Path | None = None  # None for ours
    stop: StoppingRule | StopCondition | None = None  # ends a campaign before the list does
    gate: Any = ()  # its GATE as declared: a tuple of rules (`faultkit.gate.language`)
    settled: bool = False  # its sites were fixed by an earlier campaign: where one is not there, the trial is void


@dataclass(slots=True)
class TemplateGroup:
    """The trials of a list that share a template: the first of them, and one part of each kind that they name."""

    first: Trial
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A summary of an experiment's list: its length, its hash, and the templates that it needs."""

    count: int
    digest: str
    groups: dict[str, TemplateGroup]


def load_experiment(name: str) -> Experiment:
    """An experiment by its name among ours, or by the path of its file. Raises: UsageError."""
    file = Path(name).resolve() if name.endswith(".py") or "/" in name else None
    return experiment_in(name, from_file(file) if file else from_package(name), file)


def load_ours(name: str) -> Experiment:
    """One of our own experiments; a name is never a path here. Raises: UsageError."""
    return experiment_in(name, from_package(name), None)


def experiment_in(name: str, module: ModuleType, file: Path | None) -> Experiment:
    """The experiment in a module. Raises: UsageError if there is none."""
    trials = getattr(module, "trials", None)
    if not callable(trials):
        raise UsageError(f"{name} has no function trials(seed): see docs/your-own-driver.md")
    stop = getattr(module, "STOP", None)
    if stop is not None and not isinstance(stop, StoppingRule):
        raise UsageError(
            f"{name}: STOP is a {type(stop).__name__}: give a rule of faultkit.statistics.sequential, such as Sprt(...)"
        )
    own_name, question = module.__name__.rpartition(".")[2], (module.__doc__ or "").strip()
    return Experiment(own_name, question, trials, file, stop, getattr(module, "GATE", ()))


def from_file(path: Path) -> ModuleType:
    """The module in a file, which may import its neighbours. Raises: UsageError."""
    if not path.is_file():
        raise UsageError(f"there is no experiment file {path}")
    if path.stem in sys.modules and getattr(sys.modules[path.stem], "__file__", None) == str(path):
        return sys.modules[path.stem]
    refuse_taken(path)
    same_names.make_importable(*same_names.import_roots(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # its classes are looked up by this name
    execute(str(path), partial(spec.loader.exec_module, module))
    return module


def refuse_taken(path: Path) -> None:
    """Refuse a file that would hide a module of Python's, or a package of ours. Raises: UsageError."""
    if path.stem in (*sys.stdlib_module_names, *same_names.SHARED, "faultkit", "microdriver"):
        raise UsageError(f"{path} has the name of a module that Python or faultkit needs: give the file another name")


def from_package(name: str) -> ModuleType:
    """One of faultkit's own, also in a folder of its own. Raises: UsageError, also for a name that is not there."""
    ours = pkgutil.walk_packages([str(same_names.HOME / PACKAGE)], f"{PACKAGE}.")
    full = next((found.name for found in ours if found.name.rpartition(".")[2] == name and not found.ispkg), None)
    if full is None:
        raise UsageError(f"there is no experiment {name!r}: `faultkit list experiments` shows ours, or give a file.py")
    execute(name, lambda: importlib.import_module(full))
    return sys.modules[full]


def load_module(name: str) -> None:
    """Import a module of the user's. Raises: UsageError with the line, for an error in it."""
    execute(name, lambda: importlib.import_module(name))


def execute(name: str, action: Callable[[], Any]) -> None:
    """Run an experiment's code. Raises: UsageError with the line, for an error in it; HarnessError for the host's."""
    try:
        action()
    except SyntaxError as reason:
        raise UsageError(f"{name} is not valid Python: line {reason.lineno}: {reason.msg}") from None
    except (Exception, SystemExit) as reason:
        kind = HarnessError if passes(reason) else UsageError
        raise kind(f"{name} cannot be loaded: {describe(reason)}") from None


def describe(reason: BaseException) -> str:
    """An exception of the user's code, with the place where it was raised, and a remedy if we know one."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(reason.__traceback__)]
    places = [f" ({Path(file).name}:{line})" for file, line in frames if not is_of_imports(file)]
    where = places[-1] if places else ""
    return " ".join(f"{type(reason).__name__}: {words_of(reason)}{where}{remedy(reason)}".split())


def is_of_imports(file: str) -> bool:
    """True for the code that finds modules: an error there is the importing line's."""
    return file.startswith("<frozen importlib") or file == same_names.__file__


def remedy(reason: BaseException) -> str:
    """Words on where a user's module is looked for, if it is in a package of a name that we have, too."""
    top = (reason.name or "").partition(".")[0] if isinstance(reason, ModuleNotFoundError) else ""
    if top not in same_names.SHARED:
        return ""
    return f": neither faultkit nor a folder on the path has it; for a {top}/ of yours, set PYTHONPATH to its folder"


def listed(experiment: Experiment, seed: int, count: int | None) -> Iterator[Trial]:
    """The experiment's trials, the first `count` of them. Raises: UsageError for anything else than trials."""
    n = 0
    try:
        for trial in islice(experiment.trials(seed), count):
            if not isinstance(trial, Trial):
                raise UsageError(f"{experiment.name}: trials() yielded a {type(trial).__name__}, not a Trial")
            if (trial.fault is None) != (trial.trigger is None):
                raise UsageError(f"{experiment.name}: a fault needs a trigger, and a trigger a fault: {trial}")
            yield trial
            n += 1
    except UsageError:
        raise
    except (Exception, SystemExit) as reason:
        where = f" at trial {n}" if n else ""
        raise UsageError(f"{experiment.name}: trials({seed}) failed{where}: {describe(reason)}") from None


def plan(experiment: Experiment, seed: int, count: int | None) -> Plan:
    """Go through the list once. Raises: UsageError if it is empty, shorter than `count`, or cannot be carried out.

    The parts of trials behind the first `count` go into the templates, too: these are then those of the whole list.
    """
    total, hashed, groups = 0, hashlib.sha256(), dict[str, TemplateGroup]()
    for n, trial in enumerate(listed(experiment, seed, None if count is None else count + LOOK_AHEAD)):
        key = group_of(trial)
        if count is None or n < count:
            total += 1
            if not experiment.settled:
                check_trial(n, trial)
            hashed.update(dumps(trial).encode())
            groups.setdefault(key, TemplateGroup(trial))
        if not (group := groups.get(key)):
            continue
        for part in (trial.fault, trial.trigger, trial.policy, trial.workload):
            if part is not None:
                group.parts.setdefault(kind_of(part), part)
    if not total:
        raise UsageError(f"{experiment.name}: trials({seed}) yields no trial")
    if count is not None and total < count:
        raise UsageError(f"{experiment.name} has {total} trials, not {count}: ask for at most {total}")
    return Plan(total, hashed.hexdigest()[:16], groups)


def kind_of(part: Any) -> str:
    """The key of a part's files: the classes of the part and of the parts in it, and the files that they ship."""
    kinds = (f"{type(inner).__module__}:{name_of(inner)}" for inner in iter_parts(part))
    ships = (name for inner in iter_parts(part) if isinstance(inner, Ships) for name in inner.files())
    return "+".join([*kinds, *sorted(set(ships))])
