"""What faultkit brings along: its drivers, injectors, monitors, policies and experiments, read from their files."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from faultkit.model import policies
from faultkit.model.codec import name_of

MARKS = {"drivers": "probe", "injectors": "inject", "monitors": "attach"}  # the method that tells the kind of a part
KINDS = (*MARKS, "policies", "experiments")


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be named."""

    name: str
    summary: str


def items(kind: str) -> list[Item]:
    """All of a kind, by name."""
    if kind == "experiments":
        found = [Item(m.__name__.rpartition(".")[2], first_line(m)) for m in modules(kind) if hasattr(m, "trials")]
    else:
        found = [Item(name_of_class(cls), first_line(cls)) for cls in classes(kind)]
    return sorted(found, key=lambda item: item.name)


def classes(kind: str) -> set[type]:
    """The classes of a kind of parts."""
    if kind == "policies":
        return set(parts(policies, "decide"))
    return {cls for module in modules(kind) for cls in parts(module, MARKS[kind])}


def modules(package: str) -> Iterator[ModuleType]:
    """A package's modules, with those of its sub-packages."""
    root = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(found.name)


def parts(module: ModuleType, method: str) -> Iterator[type]:
    """The dataclasses that a module defines and that have a method."""
    for cls in vars(module).values():
        ours = inspect.isclass(cls) and cls.__module__ == module.__name__ and dataclasses.is_dataclass(cls)
        if ours and callable(getattr(cls, method, None)):
            yield cls


def name_of_class(cls: type) -> str:
    """The short name of a part's class, as `faultkit.model.codec.name_of` gives it for a part."""
    return name_of(object.__new__(cls))


def first_line(thing: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n")[0].rstrip(".")
