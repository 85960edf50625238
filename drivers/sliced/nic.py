"""Network drivers of Linux, cut: with the peer, the cable and the workloads of `drivers.rtl8139`; and e1000 whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drivers.rtl8139.driver import ADDRESS, DEVICE, DOWN_AND_UP, WIRE, Rtl8139, give_name
from faultkit.kit import (
    REBIND,
    KernelModule,
    Program,
    Remedy,
    Tampering,
    bind_device,
    made_by,
    retry,
    run,
    unbind_device,
    unload_module,
)
from microdriver import Microdriver, UDriver, load

LINK_S = 10.0  # e1000 looks for a link every 2 s
E1000_OPTIONS = (
    *("-netdev", f"hubport,id={WIRE},hubid=0", "-device", f"e1000,netdev={WIRE},mac=52:54:00:00:00:01"),
    *("-netdev", "hubport,id=wire1,hubid=0", "-device", "pcnet,netdev=wire1,mac=52:54:00:00:00:02,addr=5"),
)


def udriver(module: str) -> UDriver:
    """The u-driver of a module that is cut."""
    return UDriver(Path(f"/faultkit/bin/{module}_u"), Path(f"/dev/microdriver/{module}"))


@dataclass(frozen=True, slots=True)
class SlicedNic(Microdriver):
    """A network driver of Linux, cut by the slicer, with the same `delay_ms` as `Rtl8139`.

    `policy`: which functions stay in the kernel: data, atomic or keep-locks.
    """

    NEEDS: ClassVar[tuple[str, ...]] = ()  # modules that are loaded before

    delay_ms: int = 0
    policy: str = "atomic"

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """Both halves take part: the u-driver closes and opens the device."""
        return {"down_and_up": DOWN_AND_UP}

    def files(self) -> Mapping[str, KernelModule | Program]:
        return made_by("slicer.build:shipped", self.MODULE, self.policy)

    def prepare(self) -> None:
        Rtl8139(self.delay_ms).prepare()

    def load(self) -> None:
        for name in self.NEEDS:
            run("modprobe", name)
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
        retry(self.probe, timeout_s=LINK_S)

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


@dataclass(frozen=True, slots=True)
class Rtl8139Sliced(SlicedNic):
    """8139cp, cut: the twin of `Rtl8139`."""

    MODULE: ClassVar = "8139cp"
    UDRIVER: ClassVar = udriver("8139cp")
    NEEDS: ClassVar = ("mii",)

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return Rtl8139().qemu_devices


@dataclass(frozen=True, slots=True)
class E1000Sliced(SlicedNic):
    """e1000, cut: the twin of `E1000`."""

    MODULE: ClassVar = "e1000"
    UDRIVER: ClassVar = udriver("e1000")

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return E1000_OPTIONS


@dataclass(frozen=True, slots=True)
class E1000:
    """Linux' driver of Intel's 82540EM, all of it in the kernel, in place of `Rtl8139`."""

    delay_ms: int = 0

    @property
    def modules(self) -> tuple[str, ...]:
        return ("e1000",)

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return E1000_OPTIONS

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """The interface's, and the device's."""
        return {"down_and_up": DOWN_AND_UP, "rebind": REBIND}

    def prepare(self) -> None:
        Rtl8139(self.delay_ms).prepare()

    def load(self) -> None:
        run("modprobe", "e1000")
        give_name("e1000")

    def unload(self) -> None:
        unload_module("e1000")

    def attach(self) -> None:
        run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
        self.set_up()
        retry(self.probe, timeout_s=LINK_S)

    def detach(self) -> None:
        Rtl8139().detach()

    def set_down(self) -> None:
        Rtl8139().set_down()

    def set_up(self) -> None:
        Rtl8139().set_up()

    def unbind(self) -> None:
        unbind_device("e1000")

    def bind(self) -> None:
        bind_device("e1000")
        give_name("e1000")

    def probe(self) -> None:
        """A datagram to the peer and back."""
        Rtl8139().probe()
