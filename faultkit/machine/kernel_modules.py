"""Modules of Debian's kernel that the guest lacks, for the drivers that need them.

Most modules are left out of the guest's root: sound, HID, wireless, NFS and others. They stay in Debian's package, and
travel in the payload of a template whose driver needs them, so that the guest is the same for all others.
"""

from __future__ import annotations

import lzma
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from elftools.elf.elffile import ELFFile

from faultkit.machine import cache, image_build
from faultkit.machine.image import Image
from faultkit.machine.initramfs import ArchiveMember, archive, with_folders
from faultkit.machine.payload import built
from faultkit.model.builds import KernelModule
from faultkit.model.codec import name_of
from faultkit.model.errors import HarnessError, UnmetNeed, UsageError
from faultkit.model.parts import Driver, Ships

KIND = "kernels"  # of the cache's entries
TABLE, BUILT_IN = "modules.dep", "modules.builtin"
PLACE = "faultkit/kernel"  # of the modules in the guest
CONFIGURATION = "payload/etc/modprobe.d/faultkit.conf"
NEAR = 3  # names to offer for one that is none


@dataclass(frozen=True, slots=True)
class ModuleTable:
    """The modules of a kernel: the file of each, and the modules that it needs, in the order to load them in."""

    files: Mapping[str, str]
    needs: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, text: str) -> ModuleTable:
        """The table that depmod wrote: `kernel/a.ko: kernel/b.ko kernel/c.ko`, of which c is loaded first."""
        files, needs = dict[str, str](), dict[str, tuple[str, ...]]()
        for line in text.splitlines():
            path, _, others = line.partition(":")
            files[module_name(path)] = path
            needs[module_name(path)] = tuple(map(module_name, reversed(others.split())))
        return cls(files, needs)


def archive_for(driver: Driver, image: Image) -> bytes:
    """An archive of the modules that a driver needs and the guest lacks; empty if it lacks none.

    Raises: UsageError for a module that is in no kernel, UnmetNeed if they cannot be fetched.
    """
    there = modules_of_guest(image)
    lacking = sorted(wanted(driver, image.kernel) - there) if there is not None else []
    if not lacking:
        return b""
    try:
        kernel = cache.entry(KIND, key_of(image), partial(fetch, image=image), hold=True)
    except HarnessError as reason:
        raise UnmetNeed(
            f"{name_of(driver)} needs {', '.join(lacking)}, which the guest lacks, and the kernel's package with it "
            f"cannot be fetched: {reason}"
        ) from None
    table = ModuleTable.of((kernel / TABLE).read_text())
    names = closure(lacking, table, there or frozenset(), name_of(driver))
    return archive(with_folders(members(names, table, kernel)))


def wanted(driver: Driver, kernel: str) -> frozenset[str]:
    """The modules of the kernel that a driver names, and those that the modules that it brings need."""
    shipped: Mapping[str, Any] = driver.files() if isinstance(driver, Ships) else {}
    brought = {place: file for place, file in shipped.items() if place.endswith(".ko")}
    own = {module_name(place) for place in brought}
    own |= {module_name(file.name) for file in brought.values() if isinstance(file, KernelModule)}
    needed = {name for file in brought.values() for name in depends(built(file, kernel))}
    return frozenset({module_name(name) for name in driver.modules} | needed) - own


def depends(module: Path) -> Iterator[str]:
    """The modules that a module's file says it needs."""
    with module.open("rb") as file:
        section: Any = ELFFile(file).get_section_by_name(".modinfo")
        facts = section.data().split(b"\0") if section else []
    for fact in facts:
        if fact.startswith(b"depends="):
            yield from (module_name(name) for name in fact.decode().removeprefix("depends=").split(",") if name)


def module_name(path: str) -> str:
    """A module's name as the kernel has it, of its file or of the name that somebody typed."""
    return PurePosixPath(path).name.partition(".")[0].replace("-", "_")


def modules_of_guest(image: Image) -> frozenset[str] | None:
    """The modules in a guest's root, and those that are built into its kernel; None if the guest is not built."""
    if not image.root.is_file():
        return None
    return frozenset(
        module_name(line.partition(":")[0])
        for name in (TABLE, BUILT_IN)
        for line in read_from_root(image, f"/usr/lib/modules/{image.kernel}/{name}").splitlines()
    )


def read_from_root(image: Image, path: str) -> str:
    """A text file of the guest's root. Raises: UnmetNeed without the tool, HarnessError if there is none."""
    try:
        done = subprocess.run(
            ["rdsquashfs", "-c", path, str(image.root)], capture_output=True, text=True, check=False, errors="replace"
        )
    except FileNotFoundError:
        raise UnmetNeed("rdsquashfs is not installed: apt-get install squashfs-tools-ng") from None
    if done.returncode:
        raise HarnessError(f"{path} cannot be read from {image.root}: {image_build.last_line(done.stderr)}")
    return done.stdout


def key_of(image: Image) -> str:
    """The key of a kernel's left-out modules in the cache."""
    return cache.digest(image.kernel, image.packages.get(package_of(image), ""), *image_build.UNUSED_MODULES)


def package_of(image: Image) -> str:
    """The package of a guest's kernel."""
    return f"linux-image-{image.kernel}"


def fetch(place: Path, image: Image) -> None:
    """Fill `place` with the modules that the guest lacks, packed, and with the table of all. Raises: HarnessError."""
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=place) as scratch:
        unpacked = Path(scratch) / "kernel"
        versions = image_build.unpack(package_of(image), image.packages, unpacked)
        recorded = image.packages.get(package_of(image))
        if recorded and versions[package_of(image)] != recorded:
            raise HarnessError(f"the archive has no {package_of(image)} {recorded} any more")
        image_build.run_step("depmod", "-b", str(unpacked), image.kernel)
        modules = unpacked / "lib" / "modules" / image.kernel
        shutil.copyfile(modules / TABLE, place / TABLE)
        for folder in (modules / "kernel" / unused for unused in image_build.UNUSED_MODULES):
            if folder.is_dir():
                target = place / folder.relative_to(modules)
                target.parent.mkdir(parents=True, exist_ok=True)
                folder.rename(target)


def closure(lacking: Iterable[str], table: ModuleTable, there: frozenset[str], driver: str) -> list[str]:
    """These modules and all that they need of others that the guest lacks. Raises: UsageError for one that is none."""
    for name in lacking:
        if name not in table.files:
            near = get_close_matches(name, table.files, NEAR)
            hint = f"did you mean {' or '.join(near)}?" if near else "name it in `modules`, or bring it by `files()`"
            raise UsageError(f"{driver} needs the module {name}, which the guest's kernel does not have: {hint}")
    return sorted({name for one in lacking for name in (one, *table.needs[one])} - there)


def members(names: Iterable[str], table: ModuleTable, kernel: Path) -> Iterator[ArchiveMember]:
    """The modules' files, and the lines by which modprobe finds them."""
    names = list(names)
    for name in names:
        packed = (kernel / table.files[name]).read_bytes()
        code = lzma.decompress(packed) if table.files[name].endswith(".xz") else packed
        yield ArchiveMember(f"payload/{PLACE}/{name}.ko", code, 0o644)
    lines = (line for name in names for line in rules(name, table.needs[name]))
    yield ArchiveMember(CONFIGURATION, "".join(lines).encode(), 0o644)


def rules(name: str, needs: Iterable[str]) -> Iterator[str]:
    """The lines by which modprobe loads and unloads a module that depmod does not know."""
    before = "".join(f"/sbin/modprobe {other} && " for other in needs)
    yield f"install {name} {before}/sbin/insmod /{PLACE}/{name}.ko $CMDLINE_OPTS\n"
    yield f"remove {name} /sbin/rmmod {name}\n"
