"""The driver rtl8139_micro: rtl8139_micro.ko and rtl_u."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.rtl8139.driver import ADDRESS, DEVICE, Rtl8139, interface
from faultkit.kit import KernelModule, Program, Tampering, retry, run
from microdriver import UDriver, halves, load, unload

MODULE = "rtl8139_micro"
UDRIVER = UDriver(Path("/faultkit/bin/rtl_u"), Path("/dev/microdriver/rtl0"))


@dataclass(frozen=True, slots=True)
class Rtl8139Micro:
    """A split driver of the RTL8139C+ Ethernet chip, the twin of rtl8139, with the same `delay_ms`.

    `whole`: at each crossing the shared objects are copied as a whole, not only the fields that the contract names.
    """

    delay_ms: int = 0
    whole: bool = False

    @property
    def modules(self) -> tuple[str, ...]:
        return (MODULE, "microdriver")

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return Rtl8139().qemu_devices

    @property
    def udriver(self) -> str:
        return UDRIVER.name

    def files(self) -> Mapping[str, KernelModule | Program]:
        return halves(Path(__file__).parent, MODULE, "rtl_u")

    def prepare(self) -> None:
        Rtl8139(self.delay_ms).prepare()

    def load(self) -> None:
        load(MODULE, whole=self.whole)

    def unload(self) -> None:
        unload(MODULE, UDRIVER)

    def start_udriver(self) -> None:
        retry(UDRIVER.start, timeout_s=1.0)
        retry(named, timeout_s=6.0)

    def stop_udriver(self) -> None:
        UDRIVER.stop()

    def udriver_pid(self) -> int:
        return UDRIVER.pid()

    def tamper(self, tampering: Tampering) -> int:
        return UDRIVER.tamper(tampering)

    def attach(self) -> None:
        if not UDRIVER.is_there():
            self.start_udriver()  # the old one has left with the old k-driver
        run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
        run("ip", "link", "set", DEVICE, "up")
        retry(self.probe, timeout_s=5.0)

    def detach(self) -> None:
        UDRIVER.drop_held()
        Rtl8139().detach()

    def reattach(self) -> None:
        retry(self.probe, timeout_s=2.0)

    def probe(self) -> None:
        """Send a datagram to the peer and back, and ask the u-driver."""
        Rtl8139().probe()
        run("ethtool", DEVICE)


def named() -> None:
    """The interface has its name. Raises: OSError as long as there is none."""
    if (name := interface(MODULE)) != DEVICE:
        run("ip", "link", "set", name, "name", DEVICE)
