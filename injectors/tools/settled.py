"""Settling a fault on one instruction of the k-driver, and waiting until the processor comes to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from faultkit.kit import ModuleCode, NotPlaced, Site, StoppedMachine
from injectors.tools.candidates import pick
from injectors.tools.driver_code import module_of
from injectors.tools.machine_code.instructions import disassembly


def drawn_site(code: Mapping[str, ModuleCode], kind: str, draw: int, among: str) -> Site:
    """One of the sites of a type of code fault, drawn uniformly. Raises: NotPlaced."""
    found = pick(module_of(code), kind, draw, among)
    drawn = found.candidate
    return Site(
        function=drawn.function, offset=drawn.offset, address=drawn.address, old=drawn.code.hex(),
        before=disassembly(drawn.code, drawn.address), among=found.among, in_all=found.in_all,
    )  # fmt: skip


def settled_site(site: Site | None) -> Site:
    """The site of a fault. Raises: NotPlaced if the fault has none yet."""
    if site is None:
        raise NotPlaced("the fault was not settled on an instruction of the k-driver: use place()")
    return site


def next_draw(draw: int) -> int:
    """The draw after one whose site was taken."""
    return random.Random(draw).getrandbits(64)


def check_code(machine: StoppedMachine, site: Site) -> None:
    """Compare the guest's code with the site's. Raises: NotPlaced if they differ."""
    found = machine.read(site.address, len(site.old) // 2).hex()
    if found != site.old:
        raise NotPlaced(f"{site.function}+{site.offset} holds {found}, not {site.old}: was the k-driver reloaded?")


def wait_for(machine: StoppedMachine, site: Site, action: Callable[[], None]) -> dict[str, Any]:
    """Do `action` when the guest is about to execute the site; returns the data of the event. Raises: NotPlaced."""
    check_code(machine, site)
    machine.when_executed(site.address, action)
    return {"function": site.function, "offset": site.offset, "at": site.before}
