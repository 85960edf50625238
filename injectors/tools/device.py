"""The PCI device that the k-driver drives, and the arming of the kernel module for its faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faultkit.kit import Bench, NotPlaced
from injectors.tools.arming import FaultOrder, armed
from injectors.tools.witness import witnessed

DEVICES = Path("/sys/bus/pci/devices")
COMMAND, COMMAND_BYTES = 4, 2  # in configuration space
INTX_DISABLE = 1 << 10


def slot_of(bench: Bench) -> str:
    """The slot of the (first) PCI device that the k-driver is bound to. Raises: NotPlaced."""
    module = bench.driver.modules[0].replace("-", "_")
    found = sorted(Path(f"/sys/module/{module}/drivers").glob("pci:*/*:*:*.*"))
    if not found:
        raise NotPlaced(f"{type(bench.driver).__name__} drives no PCI device that could go wrong")
    return found[0].name


@contextmanager
def armed_in(slot: str, bench: Bench, order: FaultOrder, **told: Any) -> Iterator[None]:
    """Arm a fault of the PCI device in a slot, confirmed and witnessed; disarmed on exit. Raises: NotPlaced."""
    fd = armed(order, f"the device {slot}", f"cannot be made to go wrong ({order.fault})")
    with witnessed(bench, fd, slot=slot, **told):
        yield


def read_config(slot: str, at: int, count: int) -> int:
    """A field of a device's configuration space. Raises: OSError."""
    with (DEVICES / slot / "config").open("rb", buffering=0) as config:
        return int.from_bytes(os.pread(config.fileno(), count, at), "little")


def write_config(slot: str, at: int, count: int, value: int) -> None:
    """Write to the device's configuration space. Raises: OSError."""
    with (DEVICES / slot / "config").open("r+b", buffering=0) as config:
        os.pwrite(config.fileno(), value.to_bytes(count, "little"), at)
