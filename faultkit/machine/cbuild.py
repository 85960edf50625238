"""Building programs for the guest on the host, cached by source."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

from faultkit.machine import cache, compiler
from faultkit.model.builds import Program
from faultkit.model.errors import HarnessError, UnmetNeed, UsageError

COMPILE = ("gcc", "-O2", "-g0", "-static", "-Wall", "-Wextra", "-Werror")
FOR_TOOLS = tuple({"-g0": "-g", "-static": "-no-pie"}.get(each, each) for each in COMPILE)
LINK = ("-Wl,--eh-frame-hdr",)  # by that table u-driver faults find the functions: static programs lack it otherwise
LIBRARY = re.compile(r"[A-Za-z0-9_+.-]+")


def program(wanted: Program, compile_by: tuple[str, ...] = COMPILE) -> Path:
    """The built program. Raises: UnmetNeed, UsageError, HarnessError with the compiler's words.

    `compile_by`: COMPILE, or FOR_TOOLS: tools that put their own malloc() in need the guest's C library.
    """
    if shutil.which("gcc") is None:
        raise UnmetNeed("building programs for the guest needs gcc: apt-get install build-essential")
    if strange := [name for name in wanted.libraries if not LIBRARY.fullmatch(name)]:
        raise UsageError(f"{strange[0]!r} is no library's name: write 'fuse3' for libfuse3")
    link = [*LINK, *(f"-l{name}" for name in wanted.libraries)]
    folders = list(dict.fromkeys([source.parent for source in wanted.sources] + list(wanted.headers)))
    read = [*wanted.sources, *(header for folder in folders for header in sorted(folder.glob("*.h")))]
    content = (part for path in read for part in (path.name, path.read_bytes()))
    key = cache.digest(*compile_by, *link, compiler.compiler_version(), *content)
    make = partial(link_program, sources=wanted.sources, folders=folders, link=link, start=compile_by)
    return cache.entry("modules", key, make) / "program"


def link_program(
    place: Path, sources: tuple[Path, ...], folders: list[Path], link: list[str], start: tuple[str, ...]
) -> None:
    """Compile and link."""
    nowhere = (f"-ffile-prefix-map={folder}/=" for folder in folders)  # __FILE__ tells no path of the host
    command = [*start, *nowhere, *(f"-I{folder}" for folder in folders), *map(str, sources), *link]
    command += ["-o", str(place / "program")]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", env=compiler.environment(), check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        lacking = [line for line in done.stderr.splitlines() if "cannot find -l" in line]
        why = [*lacking, *errors, done.stderr.strip()][0]
        raise HarnessError(f"{sources[0].name} does not build: {why}")
