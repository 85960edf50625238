"""The machine code of a loaded kernel module, and the places in it that faults are settled on.

A settled fault is stored with its place. Some fields of a place hold for one build of the driver alone: an address,
say. They carry the mark ONE_BUILD, and comparisons between builds leave them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from faultkit.model.codec import class_path

ONE_BUILD: Mapping[str, bool] = {"one build": True}


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a loaded kernel module: its name, where it is, and its machine code as loaded."""

    name: str
    address: int
    code: bytes
    section: str = ".text"  # of the module's file; ".exit.text" runs once, when the module goes


@dataclass(frozen=True, slots=True)
class CallSite:
    """An instruction of a module's function that calls a function outside of the module."""

    function: str  # the caller; `callee` is the symbol that is imported
    offset: int
    address: int
    size: int  # of the instruction; a call returns to what follows it
    callee: str
    tail: bool = False  # a jump: the callee returns to the caller's caller


@dataclass(frozen=True, slots=True)
class ModuleCode:
    """The functions of a loaded kernel module and where they call functions of the kernel, by address."""

    name: str
    functions: tuple[Function, ...]
    calls: tuple[CallSite, ...] = ()
    base: int = 0  # where its text begins; what lies behind keeps its distance when the module is reloaded
    executed: frozenset[int] | None = None  # addresses of instructions that a golden trial executes; None: not known
    kernel: frozenset[str] = field(default=frozenset(), compare=False)  # all functions that the kernel has, if known


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An instruction of the k-driver that a fault was settled on, or a few that follow one another.

    `old` is the machine code there, in hex, and `before` the same as text. A fault that changes the code puts `new`
    there, which reads as `after`. It was drawn from `among` sites; its type has `in_all` of them in the module.
    """

    function: str
    offset: int  # in bytes from the function's beginning
    old: str
    new: str = ""
    address: int = field(metadata=ONE_BUILD)
    before: str = field(metadata=ONE_BUILD)
    after: str = field(default="", metadata=ONE_BUILD)
    among: int = field(default=1, metadata=ONE_BUILD)
    in_all: int = field(default=1, metadata=ONE_BUILD)

    @property
    def extent(self) -> range:
        """The addresses of the old code."""
        return range(self.address, self.address + len(self.old) // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSites:
    """The k-driver's calls of one function of the kernel that a fault was settled on."""

    text_bytes: int = field(metadata=ONE_BUILD)  # the size of the k-driver's text
    returns: tuple[tuple[str, int], ...] = field(
        metadata=ONE_BUILD
    )  # a call's name, and its return's offset in the text
    among: int = field(metadata=ONE_BUILD)  # how many (function, value, call) there were to draw from


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A function of the k-driver that a fault was settled on, and room for more code behind the module's."""

    address: int = field(metadata=ONE_BUILD)
    room: int = field(metadata=ONE_BUILD)


Place = Site | CallSites | Entry
PLACES: Mapping[str, type[Place]] = {class_path(cls): cls for cls in (Site, CallSites, Entry)}


def in_any_build(encoded: Any) -> Any:
    """An encoded part, without the fields of places that hold for one build of the driver alone."""
    if isinstance(encoded, list):
        return [in_any_build(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    name = encoded.get("is")
    place = PLACES.get(name) if isinstance(name, str) else None
    left_out = {f.name for f in fields(place) if f.metadata == ONE_BUILD} if place else set()
    return {key: in_any_build(value) for key, value in encoded.items() if key not in left_out}
