"""Building kernel modules for the guest on the host, cached by source and kernel."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from faultkit.errors import HarnessError, UnmetNeed
from faultkit.machine import cache
from faultkit.machine.image import headers, headers_version
from faultkit.protocols import KernelModule


def module(wanted: KernelModule) -> Path:
    """The built module. Raises: UnmetNeed, HarnessError with the compiler's words."""
    kernel = headers_version()
    if shutil.which("make") is None or shutil.which("gcc") is None:
        raise UnmetNeed("building kernel modules needs make and gcc: apt-get install build-essential")
    name = wanted.name
    sources = [*code(wanted.source), *(p for p in wanted.source.iterdir() if p.name in ("Kbuild", "Makefile"))]
    sources += [p for folder in wanted.beside for p in code(folder)]
    sources.sort()
    key = cache.digest(kernel, name, *(part for p in sources for part in (p.name, p.read_bytes())))
    return cache.entry("modules", key, lambda place: build(place, sources, kernel, name)) / f"{name}.ko"


def code(folder: Path) -> list[Path]:
    """The C and assembler files of a folder, without what the kernel's build system makes."""
    return [p for p in folder.iterdir() if p.suffix in (".c", ".h", ".S") and not p.name.endswith(".mod.c")]


def build(place: Path, sources: list[Path], kernel: str, name: str) -> None:
    """Compile copies of the sources with the kernel's own build system."""
    for path in sources:
        shutil.copy(path, place)
    command = ["make", "-C", str(headers(kernel)), f"M={place}", "modules"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (place / f"{name}.ko").is_file():
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()]
        raise HarnessError(f"the kernel module {name} does not build: {errors[0] if errors else 'it made no .ko'}")
    subprocess.run(["strip", "--strip-debug", str(place / f"{name}.ko")], check=True)
