"""Interrupts of the device are lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, KernelModule, NotPlaced, RaisesInterrupts, Side
from injectors.tools.arming import fault_module, shipped
from injectors.tools.device import armed_in, slot_of

MODULE = fault_module("lose", "pci")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseOrder:
    """The words that arm injectors/kmod/lose."""

    fault: ClassVar[str] = "lose"

    slot: str
    nth: int
    times: int
    bar: int
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class InterruptsLost:
    """Interrupts of the device are acknowledged without a call of the driver's handler.

    From the `nth` after the arming on, `times` in all (0: for ever). The driver must name its device's interrupt
    status register (`faultkit.model.parts.RaisesInterrupts`).

    Activation: each lost interrupt.
    Data: `slot` (of the PCI device), `nth`, `times`.
    Undo: later interrupts are delivered; those of a reloaded k-driver are, too.
    """

    side: ClassVar[Side] = "device"

    nth: int = 1
    times: int = 1

    def files(self) -> Mapping[str, KernelModule]:
        return shipped(MODULE)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        slot = slot_of(bench)
        if not isinstance(bench.driver, RaisesInterrupts):
            raise NotPlaced(f"{type(bench.driver).__name__} does not say how its device's interrupts are acknowledged")
        status = bench.driver.interrupt_status
        which = {"nth": self.nth, "times": self.times}
        order = LoseOrder(slot=slot, bar=status.bar, offset=status.offset, bytes=status.size_bytes, **which)
        with armed_in(slot, bench, order, **which):
            yield
