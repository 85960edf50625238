"""Interrupts of the device are late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Kind, NotPlaced, Side
from injectors.tools.device import COMMAND, COMMAND_BYTES, INTX_DISABLE, read_config, slot_of, write_config
from injectors.tools.duration import for_a_while

STATUS, STATUS_BYTES = 6, 2
WANTS_INTERRUPT = 1 << 3
LOOK_S = 0.001


@dataclass(frozen=True, slots=True)
class InterruptsHeld:
    """The device's interrupt line is cut for `for_s` (0: until the end), so that its interrupts come late, as one.

    The "INTx disable" bit of its PCI command register cuts it. A reloaded k-driver enables its device anew, which
    ends the fault.

    Activation: the device wants to interrupt, by a bit of its PCI status register that is read every millisecond.
    Data: `slot` (of the PCI device), `for_s`.
    Undo: the line is whole again.
    """

    side: ClassVar[Side] = "device"

    for_s: float = 0.0

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        slot = slot_of(bench)
        switch(slot, cut=True)
        if not read_config(slot, COMMAND, COMMAND_BYTES) & INTX_DISABLE:
            raise NotPlaced(f"the device {slot} has no bit that disables its interrupt line")
        bench.report("injector", Kind.FAULT_INJECTED, slot=slot, for_s=self.for_s)
        with watching(bench, slot), for_a_while(bench, self.for_s, lambda: switch(slot, cut=False)):
            yield


def switch(slot: str, *, cut: bool) -> None:
    """Cut a device's interrupt line, or mend it; a device that is gone has none."""
    with suppress(OSError):
        command = read_config(slot, COMMAND, COMMAND_BYTES)
        write_config(slot, COMMAND, COMMAND_BYTES, command | INTX_DISABLE if cut else command & ~INTX_DISABLE)


@contextmanager
def watching(bench: Bench, slot: str) -> Iterator[None]:
    """Look again and again, until an interrupt is found to be held back or the line is whole."""
    looking = [True]

    def look() -> None:
        if looking and not seen(bench, slot):
            bench.after(LOOK_S, look)

    look()
    try:
        yield
    finally:
        looking.clear()


def seen(bench: Bench, slot: str) -> bool:
    """Report an interrupt that is held back; True once there is nothing more to wait for."""
    with suppress(OSError):
        if not read_config(slot, COMMAND, COMMAND_BYTES) & INTX_DISABLE:
            return True
        if not read_config(slot, STATUS, STATUS_BYTES) & WANTS_INTERRUPT:
            return False
        bench.report("injector", Kind.FAULT_ACTIVATED)
    return True
