"""The device is taken out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import ClassVar

from faultkit.kit import Bench, Kind, NotPlaced, Side
from injectors.tools.device import DEVICES, slot_of
from injectors.tools.duration import for_a_while

RESCAN = Path("/sys/bus/pci/rescan")
OUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Unplugged:
    """The device is taken out after notice, and put back `for_s` after it is gone (0: at the end).

    This is Linux' PCI hot plug: the kernel tells the k-driver to let go of the device, which is then gone. When it
    is put back, the kernel finds it anew, as another device.

    Activation: the k-driver has let go; stamped with the time of the notice.
    Data: `slot` (of the PCI device), `for_s`.
    Undo: the device is put back.
    """

    side: ClassVar[Side] = "device"

    for_s: float = 1.0

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        slot = slot_of(bench)
        ordered_ns = time.monotonic_ns()
        if not write(DEVICES / slot / "remove", OUT_S) or (DEVICES / slot).exists():
            raise NotPlaced(f"the k-driver does not let go of the device {slot}")
        bench.report("injector", Kind.FAULT_INJECTED, ordered_ns, slot=slot, for_s=self.for_s)
        bench.report("injector", Kind.FAULT_ACTIVATED, ordered_ns)  # the removal, now confirmed, began then
        with for_a_while(bench, self.for_s, partial(write, RESCAN)):
            yield


def write(switch: Path, timeout_s: float = 0.0) -> bool:
    """Write to a file of the kernel's, in a thread, because it may take long. True if it was done in time."""
    thread = Thread(target=switch.write_text, args=("1",), daemon=True)
    thread.start()
    thread.join(timeout_s)
    return not thread.is_alive()
