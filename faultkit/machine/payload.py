"""The guest's payload: the agent, and every module and file that the parts of a template use.

A module travels alone: with it go the packages around it and the modules that it imports of our packages, of its own
package, and beside its file or package. Any other file travels only if a part ships it (`faultkit.model.parts.Ships`).
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from faultkit.machine import cbuild, kbuild
from faultkit.machine.initramfs import ArchiveMember, archive, with_folders
from faultkit.model import same_names
from faultkit.model.builds import KernelModule, Program
from faultkit.model.codec import encode
from faultkit.model.errors import UsageError
from faultkit.model.parts import Ships, iter_parts

HOME = "payload/faultkit"  # becomes /faultkit in the guest
AGENT = "faultkit.guest.__main__"
OURS = ("faultkit", "drivers", "injectors", "microdriver", "monitors")
LARGEST_BYTES = 64 << 20
Found = tuple[Path, bool]  # a module's file, and whether it is a package

INIT = b"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PYTHONPATH=/faultkit PYTHONDONTWRITEBYTECODE=1
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp; mkdir -p /run/netns
mount -t cgroup2 cgroup2 /sys/fs/cgroup
modprobe pvpanic-mmio
modprobe i6300esb heartbeat=5  # behind the soft-lockup detector, which names the function, but takes up to 3.5 s
ip link set lo up
sysctl -qw kernel.panic_on_oops=1 kernel.softlockup_panic=1 kernel.watchdog_thresh=1 kernel.panic=-1 \\
  kernel.hung_task_timeout_secs=8 kernel.hung_task_warnings=3 kernel.printk=7 \\
  net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
cd /faultkit
python3 -m faultkit.guest  # not exec: the shell stays the first process, and buries what has lost its parent
echo "<0>faultkit: the agent ended with $?" > /dev/kmsg
echo o > /proc/sysrq-trigger
sleep 60
"""


def build_payload(spec: Mapping[str, Any], parts: Iterable[Any], kernel: str) -> bytes:
    """The archive that goes behind the initramfs of a guest with this kernel.

    Raises: UsageError if a part cannot travel; UnmetNeed, HarnessError if what it ships cannot be built.
    """
    parts = [inner for part in parts for inner in iter_parts(part)]
    files = {name: path.read_bytes() for name, path in sources(parts)}
    ships = (part.files().items() for part in parts if isinstance(part, Ships))
    shipped = {name.lstrip("/"): file for items in ships for name, file in items}
    files |= {name: built(file, kernel).read_bytes() for name, file in shipped.items()}
    programs = {name for name, file in shipped.items() if is_program(file)}
    if (size := sum(map(len, files.values()))) > LARGEST_BYTES:
        raise UsageError(f"the drivers' files are {size >> 20} MiB: at most {LARGEST_BYTES >> 20} MiB fit into a guest")
    files["init"] = INIT
    files["spec.json"] = json.dumps(spec, sort_keys=True).encode()
    entries = (
        ArchiveMember(f"{HOME}/{name}", files[name], 0o755 if name in programs else 0o644) for name in sorted(files)
    )
    return archive(with_folders(entries))


def origins(parts: Iterable[Any]) -> dict[str, Path]:
    """Path below /faultkit in the guest -> the file here, or the folder of the sources that it is built from."""
    parts = [inner for part in parts for inner in iter_parts(part)]
    found = dict(sources(parts))
    for part in (part for part in parts if isinstance(part, Ships)):
        found |= {name.lstrip("/"): origin(file) for name, file in part.files().items()}
    return found


def origin(file: Path | KernelModule | Program) -> Path:
    """Where a shipped file, or its sources, lie here."""
    if isinstance(file, KernelModule):
        return file.source
    return file.sources[0] if isinstance(file, Program) else file


def is_program(file: Path | KernelModule | Program) -> bool:
    """Report whether a shipped file is to be executable in the guest: a built program, or a file that is so here."""
    return isinstance(file, Program) or (isinstance(file, Path) and os.access(file, os.X_OK))


def built(file: Path | KernelModule | Program, kernel: str) -> Path:
    """The file itself; a kernel module, for this kernel, or a program is built first."""
    if isinstance(file, KernelModule):
        return kbuild.built_module(file, kernel)
    return cbuild.program(file) if isinstance(file, Program) else file


def spec_of(driver: Any, workload: Any, monitors: Iterable[Any], imports: Iterable[str]) -> dict[str, Any]:
    """The agent's orders. `imports`: modules that plans may name, so that forks find them loaded."""
    return {
        "driver": encode(driver),
        "workload": encode(workload),
        "monitors": [encode(monitor) for monitor in monitors],
        "imports": sorted(set(imports)),
    }


def modules_of(parts: Iterable[Any]) -> set[str]:
    """The modules that define these parts and the parts in their fields."""
    return {type(inner).__module__ for part in parts for inner in iter_parts(part)}


def sources(parts: Iterable[Any]) -> Iterator[tuple[str, Path]]:
    """Path in the guest's import path, and file here, of each module that the agent and the parts import."""
    for name, (file, is_package) in sorted(with_imports({AGENT, *modules_of(parts)}).items()):
        yield f"{name.replace('.', '/')}{'/__init__' if is_package else ''}.py", file


def with_imports(names: Iterable[str]) -> dict[str, Found]:
    """The modules, the packages around them, and all that they import of our packages and of their own.

    A user's package of the name of one of ours is not around our modules in it: its code may need what no guest has.
    """
    found, left, outermost = dict[str, Found](), set(names), set[str]()
    while left:
        name = left.pop()
        package = name.rpartition(".")[0]
        (outermost if package in same_names.SHARED and same_names.is_ours(name) else left).add(package)
        left -= {"", *found}
        if name not in found and (here := located(name)):
            found[name] = here
            left |= set(imported(name, *here)) - found.keys()
    return {name: (same_names.HOME / name / "__init__.py", True) for name in outermost} | found


def located(name: str) -> Found | None:
    """A module's file, and whether it is a package; None if there is no such module, or it has no file."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name in a module, not in a package
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin), spec.submodule_search_locations is not None


def imported(name: str, file: Path, is_package: bool) -> Iterator[str]:
    """Imported names that must travel with a module: modules, and names that may be modules."""
    package = name if is_package else name.rpartition(".")[0]
    beside = {file.parent, around(name, file, is_package)}
    for origin, members in import_statements(file.read_bytes()):
        base = importlib.util.resolve_name(origin, package) if origin else ""
        names = [base, *(f"{base}.{member}" for member in members)] if base else members
        yield from (each for each in names if travels(each.partition(".")[0], name.partition(".")[0], beside))


@lru_cache(maxsize=1024)
def import_statements(code: bytes) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each import of a module's code: the place after `from`, "" without one, and the names. Every payload asks."""
    nodes = ast.walk(ast.parse(code))
    return tuple(
        ("." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else "", names_in(node))
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
    )


def names_in(node: ast.Import | ast.ImportFrom) -> tuple[str, ...]:
    """The names that a statement imports."""
    return tuple(alias.name for alias in node.names)


def around(name: str, file: Path, is_package: bool) -> Path:
    """The folder that a module's outermost package lies in; its own folder, if that is installed."""
    root = file.parents[name.count(".") + is_package]
    return file.parent if root.name in ("site-packages", "dist-packages") else root


def travels(top: str, own: str, beside: Iterable[Path]) -> bool:
    """True if an imported module is one of ours, of the file's own package, or lies in one of these folders."""
    return top in OURS or top == own or any((at / f"{top}.py").is_file() or (at / top).is_dir() for at in beside)
