"""Where the k-driver's machine code can be changed: each type of code fault, and all its sites in a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from faultkit.kit import Function, ModuleCode, NotPlaced
from injectors.tools.machine_code import calls, copies, flow, locals, operands
from injectors.tools.machine_code.instructions import Body, body
from injectors.tools.machine_code.site import Site

NO_FUNCTIONS = ("__pfx_", "__SCT__")  # symbols of the padding before a function, and of static-call trampolines
ONCE = (".init.text", ".exit.text")  # sections of functions that run once, when the module comes or goes
AMONG = ("all", "executed", "whole")

TYPES: Mapping[str, Callable[[Body], Iterator[Site]]] = {
    "bit_flip": operands.bit_flip,
    "word": operands.word,
    "nop": operands.nop,
    "source": operands.source,
    "destination": operands.destination,
    "pointer": operands.pointer,
    "deleted_branch": flow.deleted_branch,
    "inverted_branch": flow.inverted_branch,
    "loop": flow.loop,
    "off_by_one": flow.off_by_one,
    "initialisation": locals.initialisation,
    "interface": locals.interface,
    "lock": calls.lock,
    "unlock": calls.unlock,
    "irq": calls.irq,
    "free": calls.free,
    "allocation": calls.allocation,
}

POINTS: Mapping[str, Callable[[Body], Iterator[Site]]] = {"copy": copies.copy, "load": copies.load}
"""Instructions at which faults wait that change no code."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A site that was drawn, out of how many, and how many the module has in all."""

    site: Site
    among: int
    in_all: int


def module_of(code: Mapping[str, ModuleCode]) -> ModuleCode:
    """The module that faults go into: the driver's first."""
    return next(iter(code.values()))


def pick(code: ModuleCode, operator: str, draw: int, among: str) -> Pick:
    """One of a type's sites, uniformly by 64 random bits. Raises: NotPlaced if there is none.

    `among`: "all" in functions that may run at any time; of these, those "executed" in a golden trial; in the "whole"
    module, with the functions that run once, when it is loaded or unloaded.
    """
    found = sites(code, operator, among)
    in_all = len(sites(code, operator))
    if not found:
        where = f" that a golden trial executes, of {in_all} in all" if in_all else ""
        raise NotPlaced(f"{code.name} has no site for {operator}{where}")
    return Pick(found[draw * len(found) >> 64], len(found), in_all)


@lru_cache(maxsize=64)
def sites(code: ModuleCode, operator: str, among: str = "all") -> tuple[Site, ...]:
    """Every place of a module that a type applies to, in order. Raises: NotPlaced for an unknown choice."""
    find = {**TYPES, **POINTS}[operator]
    found = (site for each in bodies(code) if eligible(each.function, among) for site in find(each))
    if among != "executed":
        return tuple(found)
    if code.executed is None:
        raise NotPlaced(f"it is not known what a golden trial executes of {code.name}: use --accel tcg")
    return tuple(site for site in found if site.address in code.executed)


@lru_cache(maxsize=4)
def bodies(code: ModuleCode) -> tuple[Body, ...]:
    """The functions of a module, decoded."""
    functions = (function for function in code.functions if not function.name.startswith(NO_FUNCTIONS))
    return tuple(body(function, code.calls) for function in functions)


def eligible(function: Function, among: str) -> bool:
    """True if a function's sites are asked for. Raises: NotPlaced for an unknown choice."""
    if among not in AMONG:
        raise NotPlaced(f"sites cannot be drawn among {among!r}: there are {', '.join(AMONG)}")
    return among == "whole" or not function.section.startswith(ONCE)
