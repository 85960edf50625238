"""The device does not answer any more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, KernelModule, NotPlaced, Side
from injectors.tools.arming import fault_module, shipped
from injectors.tools.device import DEVICES, armed_in, slot_of

POINTERS = Path("/proc/sys/kernel/kptr_restrict")
FOR_ROOT = "1"  # Documentation/admin-guide/sysctl/kernel.rst: 0 hides addresses from everybody, 1 not from root
MAPPING = re.compile(r"0x([0-9a-f]+)-0x([0-9a-f]+) .* phys=0x([0-9a-f]+) ioremap$", re.MULTILINE)
PAGE = 4096
IORESOURCE_MEM = 0x200


MODULE = fault_module("ones", "pci")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnesOrder:
    """The words that arm injectors/kmod/ones."""

    fault: ClassVar[str] = "ones"

    slot: str
    address: int
    pages: int
    silent: int
    for_ms: int


@dataclass(frozen=True, slots=True)
class DeadDevice:
    """The device is dead: all its registers read as ones, and writes to them are lost.

    `silent`: it neither interrupts nor touches memory any more. `for_s`: how long (0: until the end). A reloaded
    k-driver maps the registers anew and finds the device alive.

    Activation: the k-driver's first access to a register, found by a look every millisecond.
    Data: `slot` (of the PCI device), `for_s`, `silent`.
    Undo: the device is alive again.
    """

    side: ClassVar[Side] = "device"

    silent: bool = True
    for_s: float = 0.0

    def files(self) -> Mapping[str, KernelModule]:
        return shipped(MODULE)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        slot = slot_of(bench)
        low, high = registers(slot)
        order = OnesOrder(
            slot=slot, address=low, pages=(high - low) // PAGE, silent=int(self.silent), for_ms=round(self.for_s * 1000)
        )
        with armed_in(slot, bench, order, silent=self.silent, for_s=self.for_s):
            yield


def registers(slot: str) -> tuple[int, int]:
    """The k-driver's mappings of the device's registers. Raises: NotPlaced."""
    lines = (DEVICES / slot / "resource").read_text().splitlines()
    resources = [[int(word, 16) for word in line.split()] for line in lines]
    pages = {start & -PAGE for start, _, flags in resources if flags & IORESOURCE_MEM}
    for low, high, physical in mappings(kernel_mappings()):
        if physical in pages:
            return low, high - PAGE  # the last page is a guard
    raise NotPlaced(f"no register of the device {slot} is mapped")


def kernel_mappings() -> str:
    """The lines of /proc/vmallocinfo, with addresses."""
    before = POINTERS.read_text()
    POINTERS.write_text(FOR_ROOT)
    try:
        return Path("/proc/vmallocinfo").read_text()
    finally:
        POINTERS.write_text(before)


def mappings(text: str) -> Iterator[tuple[int, int, int]]:
    """The mappings of device memory by /proc/vmallocinfo: low, high, physical address."""
    for numbers in MAPPING.findall(text):
        low, high, physical = (int(number, 16) for number in numbers)
        yield low, high, physical
