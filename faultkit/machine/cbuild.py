"""Building programs for the guest on the host, cached by source."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from faultkit.machine import cache, compiler
from faultkit.model.builds import Program
from faultkit.model.errors import HarnessError, UnmetNeed

COMPILE = ("gcc", "-O2", "-g0", "-static", "-Wall", "-Wextra", "-Werror")


def program(wanted: Program) -> Path:
    """The built program. Raises: UnmetNeed, HarnessError with the compiler's words."""
    if shutil.which("gcc") is None:
        raise UnmetNeed("building programs for the guest needs gcc: apt-get install build-essential")
    folders = list(dict.fromkeys([source.parent for source in wanted.sources] + list(wanted.headers)))
    read = [*wanted.sources, *(header for folder in folders for header in sorted(folder.glob("*.h")))]
    content = (part for path in read for part in (path.name, path.read_bytes()))
    key = cache.digest(*COMPILE, compiler.compiler_version(), *content)
    return cache.entry("modules", key, lambda place: build(place / "program", wanted.sources, folders)) / "program"


def build(target: Path, sources: tuple[Path, ...], folders: list[Path]) -> None:
    """Compile and link."""
    nowhere = (f"-ffile-prefix-map={folder}/=" for folder in folders)  # __FILE__ tells no path of the host
    command = [*COMPILE, *nowhere, *(f"-I{folder}" for folder in folders), *map(str, sources), "-o", str(target)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", env=compiler.environment(), check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        raise HarnessError(f"{sources[0].name} does not build: {errors[0] if errors else done.stderr.strip()}")
