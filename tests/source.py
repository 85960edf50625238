"""Our source, parsed once: modules, what they import, and their code without comments and docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import faultkit

HOME = Path(faultkit.__file__).parents[1]
PACKAGES = ("faultkit", "injectors", "microdriver", "monitors", "drivers", "experiments", "slicer")
C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A Python file, parsed."""

    path: str  # from the checkout
    name: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def documented(self) -> Iterator[tuple[str, str | None]]:
        """The module, its classes and its functions, each with its docstring."""
        for node in ast.walk(self.tree):
            if isinstance(node, Documented):
                yield getattr(node, "name", self.name), ast.get_docstring(node)


def modules(*folders: str) -> tuple[Module, ...]:
    """All modules of these folders, by path."""
    return tuple(module for folder in folders for module in parsed(folder))


@cache
def parsed(folder: str) -> tuple[Module, ...]:
    """The modules of one folder."""
    paths = sorted((HOME / folder).rglob("*.py"))
    return tuple(Module(str(path.relative_to(HOME)), name_of(path), ast.parse(path.read_text())) for path in paths)


def name_of(path: Path) -> str:
    """A file's name as a module."""
    return ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")


@cache
def ours() -> dict[str, Module]:
    """The modules of our packages, by name."""
    return {module.name: module for module in modules(*PACKAGES)}


@cache
def imports(module: Module) -> frozenset[str]:
    """The modules that a module imports: at its head, for type checking alone, and by a string at run time."""
    return frozenset(imported(module.tree, ours()))


def imported(tree: ast.AST, known: dict[str, Module]) -> Iterator[str]:
    """The names of imported modules; `from package import module` is the module's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else str(node.module) for name in full)
        elif (
            isinstance(node, ast.Call)
            and node.args
            and ast.unparse(node.func).endswith(("import_module", "__import__"))
        ):
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value)


def public(*folders: str) -> dict[str, dict[str, str]]:
    """Public classes and functions: name -> the modules that define one -> its docstring's first line.

    A class is public, and so is a function that another module uses, or that its own module's `__all__` has.
    """
    whole = modules(*folders)
    used = {pair for module in whole for pair in uses(module, {each.name for each in whole})}
    found: dict[str, dict[str, str]] = {}
    for module in whole:
        for node in module.tree.body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
                continue
            if isinstance(node, ast.ClassDef) or (module.name, node.name) in used:
                first, *_ = (ast.get_docstring(node) or "").splitlines() or [""]
                found.setdefault(node.name, {})[module.name] = first
    return found


def uses(module: Module, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """The names that a module takes from others, or exports in `__all__`: (module, name)."""
    short: dict[str, str] = {}  # the name of a module here -> its full name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            short |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (full := f"{node.module}.{alias.name}") in known:
                    short[alias.asname or alias.name] = full
                else:
                    yield str(node.module), alias.name
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield from ((module.name, str(each.value)) for each in ast.walk(node) if isinstance(each, ast.Constant))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and (owner := short.get(ast.unparse(node.value))):
            yield owner, node.attr


def called(node: ast.Call) -> str:
    """The name of a called function or method, without its owner's."""
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


@cache
def code(path: str) -> str:
    """A Python or C file's code: no comments, no docstrings."""
    text = (HOME / path).read_text()
    if not path.endswith(".py"):
        return C_COMMENT.sub("", text)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, Documented) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@cache
def files(*folders: str) -> tuple[str, ...]:
    """The Python and C files of these folders."""
    found = (path for folder in folders for path in (HOME / folder).rglob("*"))
    return tuple(sorted(str(path.relative_to(HOME)) for path in found if path.suffix in (".py", ".c", ".h")))


def holding(words: re.Pattern[str], *folders: str) -> dict[str, set[str]]:
    """The files whose code holds such words, and the words."""
    return {path: found for path in files(*folders) if (found := set(words.findall(code(path))))}
