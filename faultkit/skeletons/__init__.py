"""Files that `faultkit new` writes: a driver or an experiment to start from, under the user's name.

A skeleton is a folder of files `*.in` with `$name` (`my_disk`) and `$Name` (`MyDisk`) in them.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

from faultkit.model.errors import UsageError

HERE = Path(__file__).parent
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")  # a kernel module's may have 55, and functions add to it
OURS = frozenset({"faultkit", "drivers", "injectors", "monitors", "experiments"})
DRIVER: Mapping[str, str] = {
    "Kbuild": "Kbuild",
    "module.c": "$name.c",
    "driver.py": "${name}_driver.py",
    "workload.py": "${name}_workload.py",
    "experiment.py": "${name}_faults.py",
}
EXPERIMENT: Mapping[str, str] = {"experiment.py": "$name.py"}


def driver(name: str, where: Path) -> Path:
    """Write a driver with its workload and experiment into `where`/NAME. Returns the experiment's file.

    Raises: UsageError for a name that cannot be one, or if there is such a folder already.
    """
    folder = where / checked(name)
    write(folder, texts("driver", DRIVER, name), refused=folder)
    return folder / f"{name}_faults.py"


def experiment(name: str, where: Path) -> Path:
    """Write an experiment into `where`/NAME.py, and return it. Raises: as `driver`."""
    file = where / f"{checked(name)}.py"
    write(where, texts("experiment", EXPERIMENT, name), refused=file)
    return file


def checked(name: str) -> str:
    """The name, if files, C functions and a Python class can be called by it. Raises: UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a name: use up to 40 lower-case letters, digits and _, a letter first")
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name in OURS:
        raise UsageError(f"{name!r} cannot be a name: it is Python's or faultkit's own, use another")
    return name


def texts(skeleton: str, files: Mapping[str, str], name: str) -> dict[str, str]:
    """The files of a skeleton under a name: file name -> text."""
    words = {"name": name, "Name": "".join(word.capitalize() for word in name.split("_"))}
    sources = {target: (HERE / skeleton / f"{source}.in").read_text("utf-8") for source, target in files.items()}
    return {Template(target).substitute(words): Template(text).substitute(words) for target, text in sources.items()}


def write(folder: Path, files: Mapping[str, str], *, refused: Path) -> None:
    """Write all files, or none if one of them exists. Raises: UsageError."""
    if refused.exists() or refused.is_symlink():
        raise UsageError(f"{refused} exists: give another name, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
