"""Code of a user's own finds all that it needs in `faultkit.kit` and `faultkit`, on the host and in the guest."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import faultkit
from faultkit import kit
from faultkit.cli import pages
from faultkit.machine import payload

HOME = Path(faultkit.__file__).parents[1]
API = set(pages.API)
OURS = ("drivers", "injectors", "monitors", "microdriver")
OF_USERS = ("tests/own_driver", "tests/own_microdriver")
PARTS = sorted(path for folder in (*OURS, *OF_USERS) for path in (HOME / folder).rglob("*.py"))
SKELETONS = sorted((HOME / "faultkit" / "skeletons").rglob("*.py.in"))
PAGES = [HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))]
IMPORT = re.compile(r"^ *(?:from (faultkit[\w.]*) import |import (faultkit[\w.]*))", re.MULTILINE)


def imported(text: str) -> set[str]:
    """The modules of faultkit that a text imports, one statement a line."""
    return {first or second for first, second in IMPORT.findall(text)}


def where(path: Path) -> str:
    return str(path.relative_to(HOME))


def test_all_that_the_kit_exports_is_there_in_order_and_in_its_manual() -> None:
    assert list(kit.__all__) == sorted(kit.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    manual = set(re.findall(r"`(\w+)`", kit.__doc__ or ""))
    assert set(kit.__all__) <= manual
    assert manual - {"faultkit"} <= {*kit.__all__, "side", "OSError"}
    assert [name for name in kit.__all__ if not hasattr(kit, name)] == []


def test_the_kit_exports_all_that_it_imports() -> None:
    names = {alias.asname or alias.name for node in imports_of(Path(kit.__file__)) for alias in node.names}
    assert names - {"annotations"} == set(kit.__all__)


def imports_of(path: Path) -> Iterator[ast.ImportFrom]:
    """The from-imports of a file."""
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))


def test_there_are_parts_to_look_at() -> None:
    assert len(PARTS) > 80 and len(SKELETONS) == 4


def test_a_part_imports_what_a_users_own_may() -> None:
    found = {where(path): imported(path.read_text()) - {"faultkit", "faultkit.kit"} for path in (*PARTS, *SKELETONS)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("page", PAGES, ids=where)
def test_a_page_for_users_imports_nothing_but_the_api(page: Path) -> None:
    modules = {name.removesuffix(" import figures") for name in imported(page.read_text())}
    assert modules <= API


def test_the_notebooks_import_nothing_but_the_api() -> None:
    cells = (json.loads(path.read_text())["cells"] for path in (HOME / "notebooks").glob("*.ipynb"))
    code = "\n".join("".join(cell["source"]) for found in cells for cell in found if cell["cell_type"] == "code")
    assert "faultkit" in imported(code) and imported(code) <= API


@pytest.mark.parametrize("name", pages.API)
def test_a_module_that_is_api_has_all_the_names_that_it_exports(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__ and [each for each in module.__all__ if not hasattr(module, each)] == []


def test_no_name_of_the_api_means_two_things() -> None:
    """The analysis' functions are what `faultkit` has on demand; errors and parts are the same in both faces."""
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, pages.API):
        for name in module.__all__:
            assert found.setdefault(name, getattr(module, name)) is getattr(module, name), name


def test_the_kit_is_the_same_in_the_guest(tmp_path: Path) -> None:
    travelling = dict(payload.sources([]))
    travelling |= {
        f"{name.replace('.', '/')}{'/__init__' if package else ''}.py": file
        for name, (file, package) in payload.with_imports({"faultkit.kit"}).items()
    }
    for name, file in travelling.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(file.read_bytes())
    ask = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; from faultkit import kit; print(*kit.__all__)"
    told = subprocess.run([sys.executable, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True)
    assert told.stdout.split() == list(kit.__all__)
