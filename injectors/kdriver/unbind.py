"""The k-driver is taken off its device."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, Kind, NotPlaced, Side


@dataclass(frozen=True, slots=True)
class Unbind:
    """Unbind the k-driver from its (first) PCI device through sysfs: to its users, the driver has died.

    For a driver without a process this comes nearest to a kill: all its state is gone, its code is not at fault,
    and a reload brings it back.

    Activation: at once, when the device has no driver any more.
    Data: `device`.
    Undo: none; the device stays without its driver.
    """

    side: ClassVar[Side] = "k-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        driver = Path("/sys/bus/pci/drivers") / bench.driver.modules[0]
        device = next((entry.name for entry in sorted(driver.glob("????:*"))), None)
        if device is None:
            raise NotPlaced(f"{bench.driver.modules[0]} is not bound to a PCI device")
        before = time.monotonic_ns()
        try:
            (driver / "unbind").write_text(device)
        except OSError as reason:
            raise NotPlaced(f"{bench.driver.modules[0]} was just going: {reason}") from None
        if (driver / device).exists():
            raise NotPlaced(f"{bench.driver.modules[0]} did not let go of {device}")
        bench.report("injector", Kind.FAULT_INJECTED, before, device=device)
        bench.report("injector", Kind.FAULT_ACTIVATED, before)
        yield
