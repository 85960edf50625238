"""Our packages beside a user's of the same names: `drivers`, `monitors` and so on hold the modules of both.

Ours come from the place where this file lies, wherever else `sys.path` leads. What lies in a user's folder of that name
is found beside them, and the user's `__init__.py` is run, as ours say nothing. A module that both have is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parents[2]
SHARED = ("drivers", "injectors", "monitors", "experiments")


class SameName(ImportError):
    """A module that a user and faultkit both have."""


class Finder(MetaPathFinder):
    """Finds the packages of shared names, and the modules in them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a package of ours, with the user's code, or of a module in one. Raises: SameName."""
        del path, target
        top, _, rest = fullname.partition(".")
        if top not in SHARED or "." in rest:
            return None  # what is deeper is found in its package's folder
        return module_spec(fullname, top) if rest else package_spec(top)


FINDER = Finder()


def install() -> None:
    """Let the packages of shared names be found in both places, from now on. One that is loaded learns of both."""
    if FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)
    for top in SHARED:
        if top in sys.modules:
            join(sys.modules[top], top)


def package_spec(top: str) -> ModuleSpec | None:
    """The spec of a package: of the user's code if there is any, with the folders of both."""
    code = next(codes_of_user(top), HOME / top / "__init__.py")
    return spec_from_file_location(top, code, submodule_search_locations=[str(HOME / top), *folders_of_user(top)])


def module_spec(fullname: str, top: str) -> ModuleSpec | None:
    """The spec of a module in a package. Raises: SameName if both have it."""
    ours = code_in(fullname, [str(HOME / top)])
    theirs = code_in(fullname, folders_of_user(top))
    if ours and theirs:
        raise SameName(f"{fullname} is a module of faultkit, and also of yours ({theirs.origin}): rename yours")
    return ours or theirs or PathFinder.find_spec(fullname, folders_of_user(top))


def code_in(fullname: str, folders: list[str]) -> ModuleSpec | None:
    """The spec of a module that is more than a folder."""
    spec = PathFinder.find_spec(fullname, folders)
    return spec if spec and spec.origin else None


def folders_of_user(top: str) -> list[str]:
    """The folders of this name that `sys.path` leads to, ours left out."""
    return [str(place / top) for place in places_of_user() if (place / top).is_dir()]


def codes_of_user(top: str) -> Iterator[Path]:
    """The user's files that make a package or a module of this name."""
    for place in places_of_user():
        yield from (file for file in (place / top / "__init__.py", place / f"{top}.py") if file.is_file())


def places_of_user() -> Iterator[Path]:
    """The places of `sys.path` that are no copy of faultkit's."""
    for place in map(Path, sys.path):
        if place.is_dir() and not (place / "faultkit" / "__init__.py").is_file():
            yield place.resolve()


def make_importable(*folders: Path) -> None:
    """Let modules in these folders be imported before others, but for ours."""
    sys.path[:0] = [str(folder) for folder in folders if str(folder) not in sys.path]
    install()


def join(package: ModuleType, top: str) -> None:
    """Add the folders of both to a package that is loaded, and run the user's code in it, unless it was run."""
    spec = package_spec(top)
    if spec is None or spec.loader is None:
        return
    package.__path__ = spec.submodule_search_locations or []
    if spec.origin not in (package.__file__, str(HOME / top / "__init__.py")):
        package.__file__ = spec.origin
        spec.loader.exec_module(package)


def is_ours(module: str) -> bool:
    """True for the name of a module in our packages, by its file: a user's of the same package is not."""
    base = HOME.joinpath(*module.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def import_roots(file: Path) -> tuple[Path, ...]:
    """The folders that the imports of an experiment's file begin in: its own, and that of the package around it."""
    root = file.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return (file.parent,) if root == file.parent else (file.parent, root)
