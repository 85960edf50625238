"""8139cp, cut: the twin of `drivers.rtl8139`, with the same device, peer and workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drivers.rtl8139.driver import ADDRESS, DEVICE, DOWN_AND_UP, KDRIVER, Rtl8139, give_name
from faultkit.kit import KernelModule, Program, Remedy, Tampering, made_by, retry, run
from microdriver import Microdriver, UDriver, load


@dataclass(frozen=True, slots=True)
class Rtl8139Sliced(Microdriver):
    """Linux' driver of the RTL8139C+ Ethernet chip, cut by the slicer, with the same `delay_ms` as `Rtl8139`.

    `policy`: which functions stay in the kernel: data, atomic or keep-locks.
    """

    MODULE: ClassVar = KDRIVER
    UDRIVER: ClassVar = UDriver(Path(f"/faultkit/bin/{KDRIVER}_u"), Path(f"/dev/microdriver/{KDRIVER}"))

    delay_ms: int = 0
    policy: str = "atomic"

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return Rtl8139().qemu_devices

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """Both halves take part: the u-driver closes and opens the device."""
        return {"down_and_up": DOWN_AND_UP}

    def files(self) -> Mapping[str, KernelModule | Program]:
        return made_by("slicer.build:shipped", KDRIVER, self.policy)

    def prepare(self) -> None:
        Rtl8139(self.delay_ms).prepare()

    def load(self) -> None:
        run("modprobe", "mii")
        load(self.MODULE)

    def start_udriver(self) -> None:
        Microdriver.start_udriver(self)
        retry(lambda: give_name(self.MODULE), timeout_s=6.0)

    def tamper(self, tampering: Tampering) -> int:
        return self.UDRIVER.tamper(tampering)

    def attach(self) -> None:
        if not self.UDRIVER.is_there():
            self.start_udriver()  # the old one has left with the old k-driver
        run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
        self.set_up()
        retry(self.probe, timeout_s=5.0)

    def set_up(self) -> None:
        Rtl8139().set_up()

    def set_down(self) -> None:
        Rtl8139().set_down()

    def detach(self) -> None:
        Microdriver.detach(self)
        Rtl8139().detach()

    def probe(self) -> None:
        """Send a datagram to the peer and back, and ask the u-driver."""
        Rtl8139().probe()
        run("ethtool", DEVICE)
