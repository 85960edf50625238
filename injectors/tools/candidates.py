"""The types of fault in the k-driver's machine code, and the candidates that each has in a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from faultkit.kit import Function, ModuleCode, NotPlaced, processor
from injectors.tools.machine_code import calls, copies, flow, operands, variables
from injectors.tools.machine_code.candidate import Candidate
from injectors.tools.machine_code.instructions import Body, body

ONCE = (".init.text", ".exit.text")  # sections of functions that run once, when the module comes or goes
AMONG = ("all", "executed", "whole")

TYPES: Mapping[str, Callable[[Body], Iterator[Candidate]]] = {
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
    "initialisation": variables.initialisation,
    "interface": variables.interface,
    "lock": calls.lock,
    "unlock": calls.unlock,
    "irq": calls.irq,
    "free": calls.free,
    "allocation": calls.allocation,
}

POINTS: Mapping[str, Callable[[Body], Iterator[Candidate]]] = {"copy": copies.copy, "load": copies.pointer_read}
"""Instructions at which faults wait that change no code."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A candidate that was drawn, the number of those it was drawn from, and of all that the module has."""

    candidate: Candidate
    among: int
    in_all: int


def pick(code: ModuleCode, operator: str, draw: int, among: str) -> Pick:
    """One of a type's candidates, uniformly by 64 random bits. Raises: NotPlaced if there is none.

    The compiler's checks of the stack are spared: a draw that meets one is drawn again, from its own bits.
    `among`: "all" in functions that may run at any time; of these, those "executed" in a golden trial; in the "whole"
    module, with the functions that run once, when it is loaded or unloaded.
    """
    found = candidates(code, operator, among)
    in_all = sum(not each.guard for each in candidates(code, operator))
    if all(each.guard for each in found):
        where = f" that a golden trial executes, of {in_all} in all" if in_all else ""
        raise NotPlaced(f"{code.name} has no site for {operator}{where}")
    while (drawn := found[draw * len(found) >> 64]).guard:
        draw = drawn_again(draw)
    return Pick(drawn, sum(not each.guard for each in found), in_all)


def drawn_again(draw: int) -> int:
    """Other 64 bits, that depend on these alone."""
    return int.from_bytes(sha256(draw.to_bytes(8)).digest()[:8])


@lru_cache(maxsize=64)
def candidates(code: ModuleCode, operator: str, among: str = "all") -> tuple[Candidate, ...]:
    """All candidates of a type in a module, in order. Raises: NotPlaced for an unknown choice."""
    find = {**TYPES, **POINTS}[operator]
    found = (each for function in bodies(code) if eligible(function.function, among) for each in find(function))
    if among != "executed":
        return tuple(found)
    if code.executed is None:
        raise NotPlaced(f"it is not known what a golden trial executes of {code.name}: use --accel tcg")
    return tuple(each for each in found if each.address in code.executed)


@lru_cache(maxsize=4)
def bodies(code: ModuleCode) -> tuple[Body, ...]:
    """The functions of a module, decoded."""
    functions = (function for function in code.functions if not function.name.startswith(processor.NO_FUNCTIONS))
    return tuple(body(function, code.calls) for function in functions)


def check_among(among: str) -> None:
    """Refuse an unknown choice of sites. Raises: NotPlaced."""
    if among not in AMONG:
        raise NotPlaced(f"sites cannot be drawn among {among!r}: there are {', '.join(AMONG)}")


def eligible(function: Function, among: str) -> bool:
    """True if a function's candidates are asked for. Raises: NotPlaced for an unknown choice."""
    check_among(among)
    return among == "whole" or not function.section.startswith(ONCE)
