"""C files of a driver and the compiler's options for each, as the kernel's build system has them.

A driver is a module of Debian's linux-source, unpacked into the cache, or a folder of one's own with its Kbuild.
"""

from __future__ import annotations

import functools
import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from faultkit.machine import cache, compiler, kernel_source
from faultkit.machine.image import headers, headers_version
from faultkit.model.errors import HarnessError, UsageError

LIST = "modules.json"
PRINTS = Path(__file__).with_name("module.mk")
TREES = ("drivers", "sound")
FILES = tuple(f"{tree}/{name}" for tree in TREES for name in ("*.[ch]", "*Makefile"))
WITHOUT = tuple(f"drivers/{name}/*" for name in ("gpu", "staging", "media"))  # half of all text, and no peripheral here
WITH_VALUE = ("-I", "-D", "-U", "-include", "-isystem", "-iquote")  # options that libclang must know
IMPLICIT = "-Werror=implicit-function-declaration"  # a function that no header declares: gcc refuses it later
ALONE = ("-std=", "-fshort-wchar", "-funsigned-char", "-nostdinc", "-m64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A C file and the options that it is read with."""

    file: Path
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A module's C files. `home` is the folder that its own files lie below; all others are the kernel's.

    `kernel`: it is one of Debian's linux-source, which is known by its version.
    """

    name: str
    home: Path
    kernel: bool
    units: tuple[Unit, ...]

    def relative(self, file: str) -> str:
        """A file's path as users know it: from the driver's home, if it lies there."""
        path = Path(os.path.normpath(file))
        return str(path.relative_to(self.home)) if path.is_relative_to(self.home) else str(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """A folder's Kbuild: modules with their objects, options by object (`*`: of all), options for folders below."""

    modules: Mapping[str, tuple[str, ...]]
    options: Mapping[str, tuple[str, ...]]
    below: tuple[str, ...]


def find(driver: str, module: str | None = None) -> Source:
    """The source of a driver: a module's name, or a folder of one's own.

    `module` names one of a folder's modules. Raises: UsageError if there is no such driver, or the folder has two.
    """
    return of_folder(Path(driver), module) if os.sep in driver or driver == "." else of_kernel(driver)


def of_kernel(name: str) -> Source:
    """The source of a module that Debian's kernel is built with. Raises: UsageError with near names."""
    known = kernel_modules()
    found = known.get(plain(name))
    if found is None:
        near = ", ".join(get_close_matches(plain(name), known, 4)) or "none is near"
        raise UsageError(f"{name!r} is no module of Debian's linux-source, nor a folder; near names: {near}")
    folder, stem = found
    return of_module(tree(), folder, stem, kernel=True)


def plain(name: str) -> str:
    """A module's name without what the kernel does not tell apart."""
    return name.removesuffix(".ko").replace("-", "_")


def of_folder(folder: Path, module: str | None) -> Source:
    """The source of a module in a folder of one's own. Raises: UsageError."""
    if not any((folder / name).is_file() for name in ("Kbuild", "Makefile")):
        what = "there is no such folder" if not folder.is_dir() else "it has neither a Kbuild nor a Makefile"
        raise UsageError(f"{folder} is no driver: {what}")
    home = folder.resolve()
    stems = sorted(printed(home, home).modules)
    if module is None and len(stems) > 1:
        raise UsageError(f"{folder} builds {len(stems)} modules, {', '.join(stems)}: slice one, with --module NAME")
    chosen = module or next(iter(stems), None)
    if chosen not in stems:
        raise UsageError(
            f"{folder} builds no module {chosen or 'at all'}; its Kbuild names: {', '.join(stems) or 'none'}"
        )
    return of_module(home, home, chosen)


def of_module(home: Path, folder: Path, stem: str, *, kernel: bool = False) -> Source:
    """The source of one module of a folder. Raises: UsageError if one of its C files is not there."""
    said = printed(folder, home)
    objects = said.modules[stem] or (f"{stem}.o",)
    above = [option for parent in parents(folder, home) for option in printed(parent, home).below]
    shared = [*kernel_options(), *above, *said.options.get("*", ()), *naming(stem)]
    units = tuple(unit(folder, home, each, [*shared, *said.options.get(each, ())]) for each in objects)
    return Source(name=plain(stem), home=home, kernel=kernel, units=units)


def unit(folder: Path, home: Path, target: str, options: Iterable[str]) -> Unit:
    """The C file of an object. Raises: UsageError if it is not there: some are made by other programs."""
    file = Path(os.path.normpath(folder / target)).with_suffix(".c")
    if not file.is_file():
        raise UsageError(f"{file.relative_to(home)} is not there: no C file makes the object {target}")
    base = plain(file.stem)
    extra = (f"-I{folder}", f'-DKBUILD_BASENAME="{base}"', "-Wno-everything", IMPLICIT, "-ferror-limit=20")
    return Unit(file=file, options=(*known_options(options, home), *extra))


def naming(stem: str) -> tuple[str, ...]:
    """The options by which a module knows its name."""
    name = plain(stem)
    return ("-DMODULE", f'-DKBUILD_MODNAME="{name}"', f'-DKBUILD_MODFILE="{name}"', f"-D__KBUILD_MODNAME=kmod_{name}")


def known_options(options: Iterable[str], home: Path) -> Iterator[str]:
    """The options that tell libclang what the text means; folders are looked for below `home`."""
    words = iter(options)
    for word in words:
        if word in WITH_VALUE:
            yield from (word, anchored(next(words, ""), home) if word != "-D" else next(words, ""))
        elif word.startswith("-I"):
            yield f"-I{anchored(word[2:], home)}"
        elif word.startswith((*WITH_VALUE, *ALONE)):
            yield word


def anchored(folder: str, home: Path) -> str:
    """A folder of headers, from the top of the sources if it is a relative one."""
    return folder if Path(folder).is_absolute() else str(home / folder)


def parents(folder: Path, home: Path) -> Iterator[Path]:
    """The folders above one, within the sources, the highest first."""
    above = [each for each in folder.parents if each.is_relative_to(home) and each != home]
    return (each for each in reversed(above) if any((each / name).is_file() for name in ("Kbuild", "Makefile")))


@functools.cache
def tree() -> Path:
    """The folder with the kernel's drivers. Raises: UnmetNeed, HarnessError."""
    return kernel_source.unpacked(FILES, WITHOUT, kind="sources")


@functools.cache
def kernel_modules() -> Mapping[str, tuple[Path, str]]:
    """The modules of Debian's kernel by their names without dashes: folder, and name as its Makefile has it."""
    key = cache.digest(tree().name, headers_version(), PRINTS.read_text())
    rows = json.loads((cache.entry("sources", key, list_modules) / LIST).read_text())
    return {name: (tree() / folder, stem) for name, (folder, stem) in rows.items()}


def list_modules(place: Path) -> None:
    """Ask every Makefile of the kernel's drivers for its modules, and write the list into a folder."""
    folders = sorted({path.parent for top in TREES for path in (tree() / top).rglob("Makefile")})
    found = []
    for folder in folders:
        with suppress(UsageError):  # a file that a Makefile above it includes
            found += [(str(folder.relative_to(tree())), stem) for stem in printed(folder, tree()).modules]
    (place / LIST).write_text(json.dumps({plain(stem): (folder, stem) for folder, stem in found}))


@functools.cache
def printed(folder: Path, home: Path) -> Prints:
    """A folder's Kbuild, for the configuration of Debian's kernel. Raises: UsageError with make's words."""
    built = headers(headers_version())
    config = f"autoconf={built}/include/config/auto.conf"
    places = (f"src={folder}", f"obj={folder}", f"srctree={home}", f"KERNELRELEASE={headers_version()}")
    command = ["make", "-s", "--no-print-directory", "-f", str(PRINTS), *places, config, "slicer-prints"]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, cwd=folder, env=compiler.environment()
    )
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["make failed"]
        raise UsageError(f"the Kbuild of {folder} cannot be read: {words[-1]}")
    return parsed(done.stdout.splitlines())


def parsed(lines: Iterable[str]) -> Prints:
    """The lines that module.mk prints, by their first word."""
    modules: dict[str, tuple[str, ...]] = {}
    options: dict[str, tuple[str, ...]] = {}
    below: tuple[str, ...] = ()
    for line in lines:
        kind, *words = shlex.split(line.replace("'", '"') if line.count("'") % 2 else line) or [""]
        if kind == "module":
            objects = dict.fromkeys(word for word in words[1:] if word.endswith(".o"))
            modules[words[0].removesuffix(".o")] = tuple(objects)
        elif kind == "options":
            options[words[0]] = tuple(words[1:])
        elif kind == "below":
            below = tuple(words)
    return Prints(modules=modules, options=options, below=below)


@functools.cache
def kernel_options() -> tuple[str, ...]:
    """The options of every module's compilation, as the kernel's build system says when it is asked for one file.

    Raises: HarnessError if it does not say.
    """
    built = headers(headers_version())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "asked.c").touch()
        (folder / "Kbuild").write_text("obj-m := asked.o\n")
        command = ["make", "-n", "V=1", "-C", str(built), f"M={folder}", "asked.o"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=compiler.environment())
    calls = [line for line in done.stdout.splitlines() if " -nostdinc " in line and "-D__KERNEL__" in line]
    if not calls:
        raise HarnessError(f"the build system of {built} does not say how it compiles a module: {done.stderr.strip()}")
    words = calls[0].partition(" -nostdinc ")[2].partition(" -DMODULE")[0].split()
    return ("-nostdinc", *known_options(words, built))
