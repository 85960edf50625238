"""What may import what, and who may know of what."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import faultkit

HOME = Path(faultkit.__file__).parents[1]
PACKAGES = ("faultkit", "injectors", "microdriver", "monitors", "drivers", "experiments")
PARTS = ("injectors", "monitors", "drivers")
TWINS = {"rtl8139_micro": "rtl8139"}  # a split driver -> the native one of the same device, with the same peer
ALLOWED = {
    "faultkit": (),
    "microdriver": ("faultkit",),
    "injectors": ("faultkit",),
    "monitors": ("faultkit",),
    "drivers": ("faultkit", "microdriver"),
    "experiments": ("faultkit", "microdriver", *PARTS),
}
FILES = sorted(path for package in PACKAGES for path in (HOME / package).rglob("*.py"))
IN_THE_GUEST = [
    *sorted((HOME / "faultkit" / "guest").glob("*.py")),
    *sorted((HOME / "faultkit" / "model").glob("*.py")),
    HOME / "faultkit" / "__init__.py",
    HOME / "faultkit" / "kit.py",
    *(path for path in FILES if path.relative_to(HOME).parts[0] in (*PARTS, "microdriver")),
]
STANDARD_OR_OURS = {"bcc", "psutil", "capstone"}  # in Debian's guest, or asked for with an except ImportError


def name_of(path: Path) -> str:
    """A file's name as a module."""
    return ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path) for path in FILES}


def imports(path: Path, *, typing: bool = False) -> Iterator[str]:
    """The modules that a file imports; those for type checking alone on demand."""
    tree = ast.parse(path.read_text())
    hidden = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in full)


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 40
    assert "faultkit.machine.qemu" in set(imports(HOME / "faultkit" / "machine" / "template.py"))
    assert "faultkit.machine.qemu" in set(imports(HOME / "faultkit" / "running" / "campaign.py")), (
        "also `from faultkit import qemu`"
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_point_to_the_core(path: Path) -> None:
    mine = path.relative_to(HOME).parts[0]
    tops = {name.partition(".")[0] for name in imports(path, typing=True)} & {*PACKAGES, "tests"}
    assert tops <= {mine, *ALLOWED[mine]}


@pytest.mark.parametrize("path", [p for p in FILES if p.relative_to(HOME).parts[0] == "drivers"], ids=name_of)
def test_a_driver_knows_no_other_driver(path: Path) -> None:
    mine = path.relative_to(HOME).parts[1].removesuffix(".py")
    others = {name.split(".")[1] for name in imports(path, typing=True) if name.startswith("drivers.")}
    assert others <= {mine, TWINS.get(mine)}


def test_no_import_cycles() -> None:
    graph = {name_of(path): {name for name in imports(path) if name in MODULES} - {name_of(path)} for path in FILES}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_function_imports(path: Path) -> None:
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, (ast.FunctionDef, ast.Lambda))]
    inner = [n for f in functions for n in ast.walk(f) if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert not inner


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_monitors_know_bcc(path: Path) -> None:
    if path.relative_to(HOME).parts[0] != "monitors":
        assert "bcc" not in {name.partition(".")[0] for name in imports(path)}


QEMU_WORDS = re.compile(r"qemu-system|qemu\.qmp|query-status|migrate-|pmemsave|human-monitor-command|\"-append\"")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_one_file_knows_qemu(path: Path) -> None:
    code = [line for line in path.read_text().splitlines() if "apt-get install" not in line]
    knows = bool(QEMU_WORDS.search("\n".join(code)))
    assert knows == (name_of(path) == "faultkit.machine.qemu")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_store_knows_its_file_format(path: Path) -> None:
    assert ("sqlite3" in set(imports(path))) <= (name_of(path) == "faultkit.store.store")


@pytest.mark.parametrize("path", IN_THE_GUEST, ids=name_of)
def test_the_guest_half_needs_the_standard_library_and_nothing_else(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path)}
    assert tops <= {*sys.stdlib_module_names, *PACKAGES, *STANDARD_OR_OURS}
    half = {name_of(p) for p in IN_THE_GUEST} | {"faultkit"}
    assert {name for name in imports(path) if name in MODULES} <= half


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
