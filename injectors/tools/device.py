"""The PCI device that the k-driver drives, and the arming of the kernel module for its faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faultkit.kit import Bench, KernelModule, NotPlaced
from injectors.tools.witness import witnessed

NODE = "/dev/faultkit_device"
MODULE = KernelModule(Path(__file__).parents[1] / "kmod" / "device", "faultkit_device")
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
def armed(bench: Bench, fault: str, slot: str, *numbers: object, **told: Any) -> Iterator[None]:
    """A fault of injectors/kmod/device is in, confirmed and witnessed; disarmed on exit. Raises: NotPlaced."""
    fd = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(fd, " ".join([fault, slot, *map(str, numbers)]).encode())
    except OSError as reason:
        os.close(fd)
        raise NotPlaced(f"the device {slot} cannot be made to go wrong ({fault}): {reason.strerror}") from None
    with witnessed(bench, fd, slot=slot, **told):
        yield


def read_config(slot: str, at: int, count: int) -> int:
    """A field of a device's configuration space. Raises: OSError."""
    with (DEVICES / slot / "config").open("rb", buffering=0) as config:
        return int.from_bytes(os.pread(config.fileno(), count, at), "little")


def write_config(slot: str, at: int, count: int, value: int) -> None:
    """Raises: OSError."""
    with (DEVICES / slot / "config").open("r+b", buffering=0) as config:
        os.pwrite(config.fileno(), value.to_bytes(count, "little"), at)
