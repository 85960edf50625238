"""The device interrupts without a cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, KernelModule, Side
from injectors.tools.device import MODULE, armed, slot_of


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
        return {"preload/faultkit_device.ko": MODULE}

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        numbers = self.times, self.interval_us
        with armed(bench, "storm", slot_of(bench), *numbers, times=self.times, interval_us=self.interval_us):
            yield
