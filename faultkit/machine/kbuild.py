"""Building kernel modules for the guest on the host, cached by source and kernel."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from faultkit.machine import cache, compiler
from faultkit.machine.image import headers, headers_version
from faultkit.machine.source_lines import LINES, Lines, lines_of
from faultkit.model.builds import Edit, KernelModule
from faultkit.model.errors import HarnessError, UnmetNeed, UsageError

EDITED = (".c", ".h")
TIMELESS = "KBUILD_BUILD_TIMESTAMP=@0"  # with a time given, pahole does not number types as its threads come upon them


def built_module(wanted: KernelModule, kernel: str | None = None) -> Path:
    """The module, built for a kernel, by default the newest whose headers are here.

    Raises: UnmetNeed, HarnessError with the compiler's words.
    """
    kernel = kernel or headers_version()
    check_compiler()
    sources = edited(files(wanted), wanted.edits)
    symbols = [built_module(other, kernel).with_name("Module.symvers") for other in wanted.against]
    exporters = (path.parent.name for path in symbols)
    content = (part for file in sources.items() for part in file)
    key = cache.digest(kernel, TIMELESS, LINES, compiler.compiler_version(), *content, *exporters)
    found = cache.entry("modules", key, partial(build, sources, kernel, symbols)) / f"{wanted.name}.ko"
    if not found.is_file():
        raise HarnessError(f"the kernel module {wanted.name} does not build: {wanted.source}/Kbuild does not make it")
    return found


def source_lines(wanted: KernelModule, kernel: str) -> Lines:
    """The source lines of a module's functions. Raises: as `built_module`."""
    found: Lines = json.loads(built_module(wanted, kernel).with_name(f"{wanted.name}.{LINES}").read_text())
    return found


def check_compiler() -> None:
    """Look for the compiler and make. Raises: UnmetNeed if one is missing."""
    if shutil.which("make") is None or shutil.which("gcc") is None:
        raise UnmetNeed("building kernel modules needs make and gcc: apt-get install build-essential")


def files(wanted: KernelModule) -> dict[str, bytes]:
    """The files that a module is built from, by name."""
    paths = [*code(wanted.source), *(p for p in wanted.source.iterdir() if p.name in ("Kbuild", "Makefile"))]
    paths += [p for folder in wanted.beside for p in code(folder)]
    return {path.name: path.read_bytes() for path in sorted(paths)}


def code(folder: Path) -> list[Path]:
    """The C and assembler files of a folder, without what the kernel's build system makes."""
    return [p for p in folder.iterdir() if p.suffix in (".c", ".h", ".S") and not p.name.endswith(".mod.c")]


def edited(sources: Mapping[str, bytes], edits: Iterable[Edit]) -> dict[str, bytes]:
    """The files after the edits, whose offsets are those of before.

    Raises: HarnessError if the files are others; UsageError for a file that is not C: make runs what a Kbuild says, and
    the edits of a stored trial may be anybody's.
    """
    found = dict(sources)
    for edit in edits:
        if Path(edit.file).suffix not in EDITED:
            raise UsageError(f"the file {edit.file!r} is not changed: edits are of C files, {' and '.join(EDITED)}")
    for edit in sorted(edits, key=lambda edit: edit.offset, reverse=True):
        content, old = found.get(edit.file, b""), edit.old.encode()
        end = edit.offset + len(old)
        if content[edit.offset : end] != old or edit.file not in found:
            raise HarnessError(f"{edit.file} does not hold {edit.old!r} at {edit.offset}: it was changed since")
        found[edit.file] = content[: edit.offset] + edit.new.encode() + content[end:]
    return found


def build(sources: Mapping[str, bytes], kernel: str, symbols: Iterable[Path], place: Path) -> None:
    """Compile all modules of a Kbuild in a place of their own, with the kernel's own build system."""
    for file, content in sources.items():
        (place / file).write_bytes(content)
    done = make(place, kernel, "modules", f"KBUILD_EXTRA_SYMBOLS={' '.join(map(str, symbols))}")
    if done.returncode:
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()]
        raise HarnessError(f"the kernel's modules do not build: {errors[0] if errors else 'make failed'}")
    for module in sorted(place.glob("*.ko")):
        (place / f"{module.stem}.{LINES}").write_text(json.dumps(lines_of(module)))
        subprocess.run(["strip", "--strip-debug", str(module)], check=True)


def make(place: Path, kernel: str, *goals: str) -> subprocess.CompletedProcess[str]:
    """Run the kernel's build system in a place; the result depends neither on the place nor on the time."""
    nowhere = f"KCFLAGS=-ffile-prefix-map={place}/="
    command = ["make", "-C", str(headers(kernel)), f"M={place}", nowhere, TIMELESS, *goals]
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=compiler.environment(),
        umask=0o022,
        check=False,
    )
