"""Network drivers in place of `Rtl8139`, with its peer, its cable and its workloads; and those that are split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Protocol

from drivers.rtl8139.driver import ADDRESS, DEVICE, DOWN_AND_UP, Rtl8139, give_name
from faultkit.kit import Remedy, Tampering, retry, run
from microdriver import Microdriver

NAME_S = 6.0  # for the interface to come and get its name


class CabledNic(Protocol):
    """A driver of a network device on the cable of `Rtl8139`. A driver derives from it."""

    LINK_S: ClassVar[float] = 5.0  # for the link, once the interface is up

    @property
    def delay_ms(self) -> int:
        """How long the peer's answers take on their way, as of `Rtl8139`."""

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return Rtl8139().qemu_devices

    def prepare(self) -> None:
        Rtl8139(self.delay_ms).prepare()

    def attach(self) -> None:
        run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
        self.set_up()
        retry(self.probe, timeout_s=self.LINK_S)

    def detach(self) -> None:
        Rtl8139().detach()

    def set_up(self) -> None:
        Rtl8139().set_up()

    def set_down(self) -> None:
        Rtl8139().set_down()

    def probe(self) -> None:
        """A datagram to the peer and back."""
        Rtl8139().probe()


class SplitNic(CabledNic, Microdriver, Protocol):
    """A split driver of a network device. A driver derives from it."""

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """Both halves take part: the u-driver closes and opens the device."""
        return {"down_and_up": DOWN_AND_UP}

    def start_udriver(self) -> None:
        Microdriver.start_udriver(self)
        retry(partial(give_name, self.MODULE), timeout_s=NAME_S)

    def tamper(self, tampering: Tampering) -> int:
        return self.UDRIVER.tamper(tampering)

    def attach(self) -> None:
        if not self.UDRIVER.is_there():
            self.start_udriver()  # the old one has left with the old k-driver
        CabledNic.attach(self)

    def detach(self) -> None:
        Microdriver.detach(self)
        CabledNic.detach(self)

    def probe(self) -> None:
        """Send a datagram to the peer and back, and ask the u-driver."""
        CabledNic.probe(self)
        run("ethtool", DEVICE)
