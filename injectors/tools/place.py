"""An instruction of the k-driver at which a fault waits for the processor."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from faultkit.kit import ModuleCode, NotPlaced, StoppedMachine
from injectors.tools.machine_code.instructions import disassembly
from injectors.tools.sites import module_of, pick


class Placed(Protocol):
    """A fault with a place in the k-driver's code."""

    @property
    def function(self) -> str | None: ...

    @property
    def offset(self) -> int | None: ...

    @property
    def address(self) -> int: ...

    @property
    def old(self) -> str:
        """The code there, in hex."""

    @property
    def before(self) -> str:
        """The same, as instructions."""


def drawn_place(code: Mapping[str, ModuleCode], kind: str, draw: int, among: str) -> dict[str, Any]:
    """The fields of a fault that say where it is: at one of the sites of a type of code fault, drawn uniformly.

    Raises: NotPlaced.
    """
    found = pick(module_of(code), kind, draw, among)
    site = found.site
    return {
        "function": site.function,
        "offset": site.offset,
        "address": site.address,
        "old": site.code.hex(),
        "before": disassembly(site.code, site.address),
        "sites": found.among,
        "sites_in_all": found.in_all,
    }


def extent_of(fault: Placed) -> range:
    """The addresses of the code that a fault was drawn from."""
    return range(fault.address, fault.address + len(fault.old) // 2)


def next_draw(draw: int) -> int:
    """The draw that follows upon one whose site was taken."""
    return random.Random(draw).getrandbits(64)


def check_code(machine: StoppedMachine, fault: Placed) -> None:
    """Raises: NotPlaced if other code lies there than was drawn from."""
    found = machine.read(fault.address, len(fault.old) // 2).hex()
    if found != fault.old:
        raise NotPlaced(f"{fault.function}+{fault.offset} holds {found}, not {fault.old}: was the k-driver reloaded?")


def wait_for(machine: StoppedMachine, fault: Placed, action: Callable[[], None]) -> dict[str, Any]:
    """Do `action` when the guest is about to execute the instruction; where that is. Raises: NotPlaced."""
    check_code(machine, fault)
    machine.when_executed(fault.address, action)
    return {"function": fault.function, "offset": fault.offset, "at": fault.before}
