"""Catalogue of the parts that come with faultkit, read from their source: names, first lines, labelled sections."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

from faultkit.model import policies, triggers
from faultkit.model.codec import class_path, short_name
from faultkit.model.same_names import HOME

MARKS = {"drivers": "probe", "injectors": "inject", "monitors": "attach"}  # a method that only parts of this kind have
OF_THE_MODEL = {"policies": (policies, "decide"), "triggers": (triggers, "arm")}  # their module, and such a method
KINDS = (*MARKS, *OF_THE_MODEL, "experiments")
SECTION = re.compile(r"^(Activation|Data|Undo): (.*?)(?=^(?:Activation|Data|Undo): |\n\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """A part or an experiment, as a list shows it."""

    name: str
    summary: str


def items(kind: str) -> list[Item]:
    """All parts of one kind, sorted by name."""
    if kind == "experiments":
        found = [Item(m.__name__.rpartition(".")[2], first_line(m)) for m in modules(kind) if hasattr(m, "trials")]
    else:
        found = [Item(name_of_class(cls), first_line(cls)) for cls in classes(kind)]
    return sorted(found, key=lambda item: item.name)


def classes(kind: str) -> set[type]:
    """The classes of one kind of parts."""
    if kind in OF_THE_MODEL:
        return set(parts(*OF_THE_MODEL[kind]))
    return {cls for module in modules(kind) for cls in parts(module, MARKS[kind])}


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of a package of ours, those of its sub-packages included."""
    for found in pkgutil.walk_packages([str(HOME / package)], f"{package}."):
        yield importlib.import_module(found.name)


def parts(module: ModuleType, method: str) -> Iterator[type]:
    """The dataclasses with this method that a module itself defines."""
    for cls in vars(module).values():
        ours = inspect.isclass(cls) and cls.__module__ == module.__name__ and dataclasses.is_dataclass(cls)
        if ours and callable(getattr(cls, method, None)):
            yield cls


def name_of_class(cls: type) -> str:
    """The short name of a part's class, as `faultkit.model.codec.name_of` gives it for a part."""
    return short_name(class_path(cls))


def first_line(thing: object) -> str:
    """The first line of a docstring, without its full stop."""
    return (inspect.getdoc(thing) or "").split("\n")[0].rstrip(".")


def sections(cls: type) -> dict[str, str]:
    """The sections of an injector's docstring, "Activation", "Data" and "Undo", each as one line."""
    return {label: " ".join(text.split()) for label, text in SECTION.findall(inspect.getdoc(cls) or "")}
