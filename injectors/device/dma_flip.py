"""Wrong data that the device writes to memory."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, KernelModule, Side
from injectors.tools.arming import fault_module, shipped
from injectors.tools.device import armed_in, slot_of

MODULE = fault_module("flip", "pci")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipOrder:
    """The words that arm injectors/kmod/flip."""

    fault: ClassVar[str] = "flip"

    slot: str
    nth: int
    times: int
    byte: int
    bit: int


@dataclass(frozen=True, slots=True)
class DmaFlip:
    """A bit of a received buffer flips after the device has written it and before its driver looks at it.

    Buffers are counted as the k-driver takes them back (dma_unmap_*). From the `nth` on, `times` buffers are hit
    (0: all that follow). `draw` draws the bit from the first `within_bytes`, a length that every Ethernet frame
    has, or from one `byte`. Nobody reads a byte behind the end of the received data.

    Activation: each flip.
    Data: `slot` (of the PCI device), `nth`, `times`, `byte`, `bit`.
    Undo: later buffers are spared; flipped bits stay.
    """

    side: ClassVar[Side] = "device"

    nth: int = 1
    times: int = 1
    draw: int = 0
    within_bytes: int = 60
    byte: int | None = None

    def files(self) -> Mapping[str, KernelModule]:
        return shipped(MODULE)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        rng = random.Random(self.draw)
        drawn, bit = rng.randrange(self.within_bytes), rng.randrange(8)
        byte = drawn if self.byte is None else self.byte
        which = {"nth": self.nth, "times": self.times, "byte": byte, "bit": bit}
        slot = slot_of(bench)
        with armed_in(slot, bench, FlipOrder(slot=slot, **which), **which):
            yield
