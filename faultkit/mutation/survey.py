"""Survey of a driver's mutations: all are compiled at once, and their objects compared.

Nobody ships a mutation that does not compile, and one whose object code is that of the original
(an initialisation that the compiler makes anyway) is no mistake. Both are counted, and make no trials.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faultkit.machine import cache, kbuild
from faultkit.machine.image import headers_version
from faultkit.model.builds import KernelModule, Mutation
from faultkit.model.errors import HarnessError

SAME, OTHER, BROKEN = "same", "other", "broken"
ORIGINAL = "m0000"


@dataclass(frozen=True, slots=True)
class Survey:
    """Mutations of a source file: those that make a difference, those that make none, and the impossible."""

    other: tuple[Mutation, ...]
    same: tuple[Mutation, ...]
    broken: tuple[Mutation, ...]


def survey(module: KernelModule, file: str, found: Sequence[Mutation]) -> Survey:
    """Compile mutations of one of a module's files; about a second each, the first time.

    Raises: UnmetNeed, HarnessError if the original does not compile.
    """
    kbuild.check_compiler()
    kernel, sources = headers_version(), kbuild.files(module)
    changes = [json.dumps([m.change.offset, m.change.old, m.change.new]) for m in found]
    key = cache.digest(kernel, file, *(part for each in sources.items() for part in each), *changes)
    place = cache.entry("surveys", key, partial(examine, sources, kernel, found, file))
    verdicts = json.loads((place / "verdicts.json").read_text())
    judged = list(zip(found, verdicts, strict=True))
    return Survey(*(tuple(m for m, verdict in judged if verdict == each) for each in (OTHER, SAME, BROKEN)))


def examine(sources: Mapping[str, bytes], kernel: str, found: Iterable[Mutation], file: str, place: Path) -> None:
    """Compile each mutation in a folder of its own, and keep the results."""
    trees = {ORIGINAL: sources}
    trees |= {f"m{n:04}": kbuild.edited(sources, [m.change]) for n, m in enumerate(found, 1)}
    objects = {name: (place / name / file).with_suffix(".o") for name in trees}
    for name, tree in trees.items():
        lay_out(place / name, tree)
    (place / "Kbuild").write_text("".join(f"obj-m += {name}/\n" for name in trees))
    goals = [str(path.relative_to(place)) for path in objects.values()]
    done = kbuild.make(place, kernel, "--keep-going", f"--jobs={len(os.sched_getaffinity(0))}", *goals)
    if not objects[ORIGINAL].exists():
        raise HarnessError(f"{file} does not compile as it is: {done.stderr.strip() or 'it made no object'}")
    codes = [code_of(path, name) for name, path in objects.items()]
    verdicts = [BROKEN if code is None else SAME if code == codes[0] else OTHER for code in codes[1:]]
    (place / "verdicts.json").write_text(json.dumps(verdicts))
    for name in trees:
        shutil.rmtree(place / name)


def lay_out(folder: Path, sources: Mapping[str, bytes]) -> None:
    """Write a module's sources into a folder."""
    folder.mkdir()
    for name, content in sources.items():
        (folder / name).write_bytes(content)


def code_of(path: Path, folder: str) -> bytes | None:
    """An object file's content without debugging data, as if it had been compiled in the original's folder."""
    if not path.exists():
        return None
    subprocess.run(["strip", "--strip-debug", path], check=True)
    return path.read_bytes().replace(folder.encode(), ORIGINAL.encode())
