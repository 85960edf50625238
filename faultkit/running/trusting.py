"""The modules of users' own parts that a file of results names: where they would be loaded from, and if they may be.

To run a stored trial again its parts must be loaded, which runs their code. Modules that are installed may be loaded,
and those beside the experiment that was run here. Others need the user's word: a file of results may come from anybody.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

from faultkit.model.codec import foreign_parts
from faultkit.model.errors import UsageError
from faultkit.model.known import MODEL, OURS, PATH
from faultkit.model.same_names import SHARED, import_roots, is_ours, make_importable
from faultkit.model.trial import Trial
from faultkit.running.experiment import from_file, load_module
from faultkit.store import moved
from faultkit.store.store import Store

INSTALLED = {"site-packages", "dist-packages"}  # the folders in which pip and Debian put packages


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A module that a file of results names, and the file that it would be loaded from."""

    name: str
    file: Path
    why: str  # it may be loaded; "" if it may not without the user's word

    def __str__(self) -> str:
        return f"{self.name} from {self.file}"


def load_parts(store: Store, numbers: Iterable[int], *, trust: bool, told: Callable[[str], None]) -> None:
    """Load the modules of the users' parts that some trials and their templates name; `told` is told of each before.

    Raises: UsageError, before anything is loaded, for one that is not there or may not be loaded without `trust`.
    """
    sources = [source_of(name, store) for name in sorted(modules_in(store, numbers))]
    for source in sources:
        if not (source.why or trust):
            raise UsageError(
                f"{store.path} names the module {source.name}, which is neither installed nor beside its experiment: "
                f"give --trust to run the code in {source.file}"
            )
    for source in sources:
        told(f"loading {source} ({source.why or 'trusted'})")
    for source in sources:
        load(source, store)


def modules_in(store: Store, numbers: Iterable[int]) -> Iterator[str]:
    """The modules that are neither ours nor loaded. Raises: UsageError for a name that is none."""
    recipes = store.meta().templates
    wanted = list(numbers)
    keys = {store.template(n) for n in wanted}
    plans = [store.plan(n) for n in wanted] + [recipes[key] for key in keys if key in recipes]
    seen: set[str] = set()
    for path in (path for plan in plans for path in moved.class_names(plan)):
        found = PATH.fullmatch(path) if isinstance(path, str) else None
        if found is None:
            raise UsageError(f"{store.path}: {str(path)[:60]!r} is the name of no part")
        module = found[1]
        if module not in seen and not is_there(module):
            yield module
        seen.add(module)


def is_there(module: str) -> bool:
    """True for a module that needs no loading, or that is refused when its part is made."""
    top = module.partition(".")[0]
    ours = is_ours(module) if top in SHARED else top in OURS or top == "faultkit"
    return ours or module in MODEL or top in sys.stdlib_module_names or module in sys.modules


def source_of(name: str, store: Store) -> ModuleSource:
    """The place where a module would be loaded from. Raises: UsageError if there is none."""
    experiment = store.meta().file
    file = Path(experiment) if experiment else None
    if file is not None and file.is_file() and (beside := in_roots(name, file)):
        return ModuleSource(name, beside, "" if is_suspect(file, store.path) else "beside its experiment")
    if found := in_path(name, [place for place in sys.path if Path(place).name in INSTALLED]):
        return ModuleSource(name, found, "installed")
    if found := in_path(name, sys.path):
        return ModuleSource(name, found, "installed" if name.partition(".")[0] in packages_distributions() else "")
    raise UsageError(
        f"the parts of {store.path} are gone (there is no module {name}): run from where its experiment lies"
    )


def is_suspect(file: Path, results: Path) -> bool:
    """True if an experiment is not one that was run from its place here: it may have come with the results."""
    return not file.is_absolute() or file.resolve().is_relative_to(results.resolve())


def in_roots(name: str, experiment: Path) -> Path | None:
    """The file of a module beside an experiment, or beside the package around it; None if there is none."""
    return next((found for root in import_roots(experiment) if (found := in_folder(name, root))), None)


def in_folder(name: str, folder: Path) -> Path | None:
    """The file of a module in a folder; None if there is none."""
    base = folder.joinpath(*name.split("."))
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path.resolve() for path in candidates if path.is_file()), None)


def in_path(name: str, path: list[str]) -> Path | None:
    """The file of a module in these folders, found without running anything; None if there is none."""
    spec: ModuleSpec | None = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part if spec is None else f"{spec.name}.{part}", path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    return Path(spec.origin).resolve() if spec is not None and spec.origin else None


def load(source: ModuleSource, store: Store) -> None:
    """Load a module. Raises: UsageError for an error in it."""
    file = Path(store.meta().file or "")
    if file.stem == source.name and file.resolve() == source.file:
        from_file(file.resolve())
        return
    if source.why != "installed" and in_roots(source.name, file.resolve()) == source.file:
        make_importable(*import_roots(file.resolve()))
    load_module(source.name)


def refuse_foreign(trial: Trial, store: Store, n: int) -> Trial:
    """The trial, if all of its parts are loaded. Raises: UsageError."""
    for part in foreign_parts(trial):
        raise UsageError(
            f"the parts of trial {n} in {store.path} cannot be made again ({part.name} is of a module that is not "
            "loaded): run from where its experiment lies"
        )
    return trial
