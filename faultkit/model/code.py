"""The machine code of a loaded kernel module, as injectors place faults in it."""

from __future__ import annotations

from dataclasses import dataclass


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
