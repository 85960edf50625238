"""What travels into the guest: faultkit's guest half, and the files of every part that a template uses.

A part's module travels as its package's folder, or as the single file that it is, and with it what it imports
of our packages and of the modules beside it; other files go with it if the part ships them
(`faultkit.protocols.Ships`).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import faultkit
from faultkit.codec import encode
from faultkit.errors import UsageError
from faultkit.machine import cbuild, kbuild
from faultkit.machine.initramfs import Entry, archive, with_folders
from faultkit.protocols import KernelModule, Program, Ships, iter_parts

HOME = "payload/faultkit"  # becomes /faultkit in the guest
GUEST_HALF = (
    "__init__.py", "model.py", "protocols.py", "codec.py", "errors.py", "mailbox.py", "policies.py", "triggers.py",
)  # fmt: skip
TRAVELS = (".py", ".c", ".h")
OURS = ("drivers", "injectors", "monitors")
LARGEST_BYTES = 64 << 20

INIT = b"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PYTHONPATH=/faultkit PYTHONDONTWRITEBYTECODE=1
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp; mkdir -p /run/netns
mount -t cgroup2 cgroup2 /sys/fs/cgroup
modprobe pvpanic-mmio
modprobe i6300esb heartbeat=5  # behind the soft-lockup detector, which names the function, but takes up to 3.5 s
ip link set lo up
for setting in kernel.panic_on_oops=1 kernel.softlockup_panic=1 kernel.watchdog_thresh=1 kernel.panic=0 \\
  kernel.hung_task_timeout_secs=8 kernel.hung_task_warnings=3 \\
  net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; do
  sysctl -qw $setting
done
cd /faultkit
python3 -m faultkit.guest  # not exec: the shell stays the first process, and buries what has lost its parent
"""


def build(spec: Mapping[str, Any], parts: Iterable[Any]) -> bytes:
    """The archive that goes behind the guest's initramfs. Raises: UsageError if a part cannot travel."""
    parts = [inner for part in parts for inner in iter_parts(part)]
    files = {name: path.read_bytes() for name, path in sources(parts)}
    ships = (part.files().items() for part in parts if isinstance(part, Ships))
    shipped = {name.lstrip("/"): file for items in ships for name, file in items}
    files |= {name: built(file).read_bytes() for name, file in shipped.items()}
    programs = {name for name, file in shipped.items() if isinstance(file, Program)}
    if (size := sum(map(len, files.values()))) > LARGEST_BYTES:
        raise UsageError(f"the drivers' files are {size >> 20} MiB: at most {LARGEST_BYTES >> 20} MiB fit into a guest")
    files["init"] = INIT
    files["spec.json"] = json.dumps(spec, sort_keys=True).encode()
    entries = (Entry(f"{HOME}/{name}", files[name], 0o755 if name in programs else 0o644) for name in sorted(files))
    return archive(with_folders(entries))


def built(file: Path | KernelModule | Program) -> Path:
    """The file itself; a kernel module or a program is built first."""
    if isinstance(file, KernelModule):
        return kbuild.module(file)
    return cbuild.program(file) if isinstance(file, Program) else file


def spec_of(driver: Any, workload: Any, monitors: Iterable[Any], imports: Iterable[str]) -> dict[str, Any]:
    """What the agent prepares. `imports`: modules that plans may name, so that forks find them loaded."""
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
    """Path in the guest's import path, and file here, of all code that the parts need."""
    half = Path(inspect.getfile(faultkit)).parent
    for path in [*(half / name for name in GUEST_HALF), *sorted((half / "guest").glob("*.py"))]:
        yield f"faultkit/{path.relative_to(half)}", path
    for name in sorted(with_imports(top(module) for module in modules_of(parts)) - {"faultkit"}):
        yield from files_of(name)


def with_imports(names: Iterable[str]) -> set[str]:
    """Top-level modules, and those of ours and beside them that they import."""
    found, left = set[str](), set(names)
    while left:
        found.add(name := left.pop())
        for _, path in files_of(name) if name != "faultkit" else ():
            if path.suffix == ".py":
                left |= set(neighbours(path)) - found
    return found


def neighbours(file: Path) -> Iterator[str]:
    """The top-level modules that a file imports which are ours, or lie in its folder."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in map(top, names):
            if name in OURS or (file.parent / f"{name}.py").is_file():
                yield name


def top(module: str) -> str:
    """What has to travel for a module: of our packages of parts the whole package, of others the outermost."""
    return module.partition(".")[0]


def files_of(name: str) -> Iterator[tuple[str, Path]]:
    """All files of a top-level package, or the one file of a module."""
    module = importlib.import_module(name)
    file = Path(inspect.getfile(module))
    if not hasattr(module, "__path__"):
        yield f"{name}.py", file
        return
    for path in sorted(file.parent.rglob("*")):
        if path.suffix in TRAVELS and "__pycache__" not in path.parts:
            yield f"{name}/{path.relative_to(file.parent)}", path
