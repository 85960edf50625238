"""What the device writes to memory is wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, KernelModule, Side
from injectors.tools.device import MODULE, armed, slot_of


@dataclass(frozen=True, slots=True)
class DmaFlip:
    """A bit of a buffer flips after the device has written it and before its driver has looked.

    Buffers are counted as the k-driver takes them back (dma_unmap_*); the `nth` and those that follow, `times` in all
    (0: for ever), are met. The bit is drawn by `draw` from the first `within_bytes`, which no Ethernet frame is shorter
    than, or from one `byte`; behind the end of what was received nobody looks.
    Activation: each flip. Undo: none; later buffers are spared.
    """

    side: ClassVar[Side] = "device"

    nth: int = 1
    times: int = 1
    draw: int = 0
    within_bytes: int = 60
    byte: int | None = None

    def files(self) -> Mapping[str, KernelModule]:
        return {"preload/faultkit_device.ko": MODULE}

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        rng = random.Random(self.draw)
        drawn, bit = rng.randrange(self.within_bytes), rng.randrange(8)
        byte = drawn if self.byte is None else self.byte
        which = {"nth": self.nth, "times": self.times, "byte": byte, "bit": bit}
        with armed(bench, "flip", slot_of(bench), *which.values(), **which):
            yield
