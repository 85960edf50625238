"""The place of a settled fault in another build of the k-driver: the same instruction of the same function. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faultkit.model.code import ModuleCode, Site
from faultkit.model.errors import NotPlaced
from faultkit.model.parts import Compound, Placeable, Sited


def relocated(fault: Any, code: Mapping[str, ModuleCode]) -> Any:
    """A fault that was settled on one template, settled on the code of another; a compound fault, fault by fault.

    Other faults that are placed (at calls, say) name their place, and are placed by that name again.
    Raises: NotPlaced if this code has no such place, or other code is there.
    """
    if isinstance(fault, Compound):
        return fault.made_of(tuple(relocated(each, code) for each in fault.faults))
    if isinstance(fault, Sited) and isinstance(fault.site, Site):
        site = replace(fault.site, address=address_of(fault.site, code))
        return replace(fault, site=site)  # type: ignore[type-var]
    return fault.place(code) if isinstance(fault, Placeable) else fault


def address_of(site: Site, code: Mapping[str, ModuleCode]) -> int:
    """The address of a site's instruction in this code. Raises: NotPlaced."""
    functions = (function for module in code.values() for function in module.functions)
    found = next((function for function in functions if function.name == site.function), None)
    if found is None:
        raise NotPlaced(f"this build of the k-driver has no function {site.function}")
    there = found.code[site.offset : site.offset + len(site.old) // 2].hex()
    if there != site.old:
        raise NotPlaced(f"{site.function}+{site.offset} is {there or 'behind the end'} in this build, not {site.old}")
    return found.address + site.offset
