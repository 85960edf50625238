"""The device interrupts without a cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, KernelModule, Side
from injectors.tools.arming import fault_module, shipped
from injectors.tools.device import armed_in, slot_of

MODULE = fault_module("storm", "pci")


@dataclass(frozen=True, slots=True, kw_only=True)
class StormOrder:
    """The words that arm injectors/kmod/storm."""

    fault: ClassVar[str] = "storm"

    slot: str
    times: int
    interval_us: int


@dataclass(frozen=True, slots=True)
class InterruptStorm:
    """The device's interrupt comes `times` times without a cause, every `interval_us` (at least 5).

    All handlers of the line run each time, in interrupt context. The kernel gives a line up ("nobody cared") when
    hardly one in 100 000 of its interrupts is handled.

    Activation: each of these interrupts; the first 256 are stamped.
    Data: `slot` (of the PCI device), `times`, `interval_us`.
    Undo: the rest do not come.
    """

    side: ClassVar[Side] = "device"

    times: int
    interval_us: int = 20

    def files(self) -> Mapping[str, KernelModule]:
        return shipped(MODULE)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        slot, which = slot_of(bench), {"times": self.times, "interval_us": self.interval_us}
        with armed_in(slot, bench, StormOrder(slot=slot, **which), **which):
            yield
