"""The code that went into a campaign's templates, by owner, and whose has changed since."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from faultkit.machine.template import Blueprint
from faultkit.model import same_names

FAULTKITS, YOURS = "faultkit's", "yours"
SHOWN = 4  # names in a message
INSTALLED = {"site-packages", "dist-packages"}  # the folders in which pip and Debian put packages
FILES = "files"  # of a template's recipe


def recorded(blueprint: Blueprint) -> dict[str, str]:
    """The files in a template, as its recipe keeps them: "yours:ringdriver.py" -> a hash of the content."""
    origins = blueprint.origins
    return {f"{owner_of(origins[name])}:{name}": value for name, value in blueprint.files.items() if name in origins}


def owner_of(origin: Path) -> str:
    """Whose a file is: faultkit's if it lies in one of our packages."""
    return FAULTKITS if is_ours(origin) else YOURS


def is_ours(origin: Path) -> bool:
    """Report whether a file or folder lies in one of our packages."""
    home, file = same_names.HOME, origin.resolve()
    tops = ("faultkit", "microdriver", *same_names.SHARED)
    return file.is_relative_to(home) and file.relative_to(home).parts[:1] in {(top,) for top in tops}


def told(recipes: Iterable[Any], now: Iterable[Mapping[str, str]]) -> str:
    """Whose code has changed, in words, from stored recipes and the files of today; "" if that cannot be told."""
    then = dict[str, str]()
    for recipe in recipes:
        files = recipe.get(FILES) if isinstance(recipe, Mapping) else None
        then |= files if isinstance(files, Mapping) else {}
    today = {name: value for files in now for name, value in files.items()}
    if not then:
        return ""
    return "; ".join(filter(None, (of_owner(owner, then, today) for owner in (YOURS, FAULTKITS)))) or (
        "the code is the same, but another compiler, QEMU or machine is used"
    )


def of_owner(owner: str, then: Mapping[str, str], today: Mapping[str, str]) -> str:
    """The changes of one owner's code: names of today, and how many files are gone."""
    mark = f"{owner}:"
    changed = [
        name.removeprefix(mark) for name in sorted(today) if name.startswith(mark) and today[name] != then.get(name)
    ]
    gone = sum(name.startswith(mark) and name not in today for name in then)
    more = [f"{len(changed) - SHOWN} more"] * (len(changed) > SHOWN) + [f"{gone} gone"] * bool(gone)
    names = ", ".join([*changed[:SHOWN], *more])
    return f"{owner} has changed ({names})" if names else ""


def own_revisions(blueprints: Iterable[Blueprint], experiment: Path | None) -> dict[str, str]:
    """The revisions of the repositories that users' drivers and experiments lie in, by the names of their folders."""
    files = [Path(str(sys.modules[type(each.golden.driver).__module__].__file__)) for each in blueprints]
    folders = {file.parent for file in (*files, *([experiment] if experiment else [])) if is_users(file)}
    tops = {Path(top) for folder in sorted(folders) if (top := git(folder, "rev-parse", "--show-toplevel"))}
    return {top.name: found for top in sorted(tops) if (found := revision(top))}


def is_users(file: Path) -> bool:
    """Report whether a file is a user's own: neither ours nor installed."""
    return not is_ours(file) and INSTALLED.isdisjoint(file.parts)


def faultkits_revision() -> str | None:
    """Faultkit's revision: of its working tree, or the one that pip installed it from; None if neither is known.

    A .venv may lie in the working tree of somebody else's repository, which does not track what is in it.
    """
    if git(same_names.HOME, "ls-files", "--error-unmatch", str(same_names.HOME / "faultkit" / "__init__.py")):
        return revision(same_names.HOME)
    try:
        source = json.loads(distribution("faultkit").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    commit = source.get("vcs_info", {}).get("commit_id") if isinstance(source, dict) else None
    return str(commit)[:12] if commit else None


def revision(folder: Path) -> str | None:
    """The revision of a working tree, with a + if it was changed; None outside of git."""
    return git(folder, "describe", "--always", "--dirty=+", "--abbrev=12")


def git(folder: Path, *words: str) -> str | None:
    """The line that git says in a folder; None if it fails."""
    try:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None
