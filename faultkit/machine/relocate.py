"""Where a settled fault goes in another build of the k-driver: the same instruction of the same function. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from faultkit.model.code import ModuleCode
from faultkit.model.errors import NotPlaced
from faultkit.model.parts import Placeable


@runtime_checkable
class Sited(Protocol):
    """A settled fault at an instruction of the k-driver, by its fields."""

    function: str
    offset: int
    address: int
    old: str  # the code there, in hex


def relocated(fault: Any, code: Mapping[str, ModuleCode]) -> Any:
    """A fault that was settled on one template, settled on the code of another; several at once, each by itself.

    Other faults that are placed (at calls, say) name their place, and are placed by that name again.
    Raises: NotPlaced if this code has no such place, or something else is there.
    """
    if inner := getattr(fault, "faults", ()):
        return replace(fault, faults=tuple(relocated(each, code) for each in inner))
    if isinstance(fault, Sited) and fault.old:
        return replace(fault, address=address_of(fault, code))  # type: ignore[type-var]
    return fault.place(code) if isinstance(fault, Placeable) else fault


def address_of(fault: Sited, code: Mapping[str, ModuleCode]) -> int:
    """Where this code has the fault's instruction. Raises: NotPlaced."""
    functions = (function for module in code.values() for function in module.functions)
    found = next((function for function in functions if function.name == fault.function), None)
    if found is None:
        raise NotPlaced(f"this build of the k-driver has no function {fault.function}")
    there = found.code[fault.offset : fault.offset + len(fault.old) // 2].hex()
    if there != fault.old:
        raise NotPlaced(
            f"{fault.function}+{fault.offset} is {there or 'behind the end'} in this build, not {fault.old}"
        )
    return found.address + fault.offset
