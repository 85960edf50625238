"""Network drivers of Linux, cut and whole: with the peer, the cable and the workloads of `drivers.rtl8139`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from drivers.rtl8139.driver import DOWN_AND_UP, WIRE, give_name
from drivers.rtl8139.split import CabledNic, SplitNic
from drivers.sliced.base import SlicedDriver, udriver
from faultkit.kit import (
    REBIND,
    KernelModule,
    Program,
    Remedy,
    bind_device,
    run,
    unbind_device,
    unload_module,
)

OLD_CHIP = Path(__file__).parent / "old_chip"
LINK_S = 10.0  # e1000 looks for a link every 2 s
E1000_OPTIONS = (
    *("-netdev", f"hubport,id={WIRE},hubid=0", "-device", f"e1000,netdev={WIRE},mac=52:54:00:00:00:01"),
    *("-netdev", "hubport,id=wire1,hubid=0", "-device", "pcnet,netdev=wire1,mac=52:54:00:00:00:02,addr=5"),
)


class SlicedNic(SlicedDriver, SplitNic, Protocol):
    """A network driver of Linux, cut by the slicer. A driver derives from it."""

    LINK_S: ClassVar[float] = LINK_S


class WholeNic(CabledNic, Protocol):
    """A network driver of Linux, all of it in the kernel, in place of `Rtl8139`. A driver derives from it."""

    MODULE: ClassVar[str]
    LINK_S: ClassVar[float] = LINK_S

    @property
    def modules(self) -> tuple[str, ...]:
        return (self.MODULE,)

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """The interface's, and the device's."""
        return {"down_and_up": DOWN_AND_UP, "rebind": REBIND}

    def load(self) -> None:
        run("modprobe", self.MODULE)
        give_name(self.MODULE)

    def unload(self) -> None:
        unload_module(self.MODULE)

    def unbind(self) -> None:
        unbind_device(self.MODULE)

    def bind(self) -> None:
        bind_device(self.MODULE)
        give_name(self.MODULE)


@dataclass(frozen=True, slots=True)
class Rtl8139Sliced(SlicedNic):
    """8139cp, cut: the twin of `Rtl8139`, with the same `delay_ms`.

    `policy`: which functions stay in the kernel: data, atomic or keep-locks. `marshal`: what crosses with a call, the
    `fields` that it needs or `whole` objects. `poison`: 1 or 2, to find what its tables do not name.
    """

    MODULE: ClassVar = "8139cp"
    UDRIVER: ClassVar = udriver("8139cp")
    NEEDS: ClassVar = ("mii",)

    delay_ms: int = 0
    policy: str = "atomic"
    marshal: str = "fields"
    poison: int = 0


@dataclass(frozen=True, slots=True)
class E1000Sliced(SlicedNic):
    """e1000, cut: the twin of `E1000`, with the same `delay_ms`; all else as of `Rtl8139Sliced`."""

    MODULE: ClassVar = "e1000"
    UDRIVER: ClassVar = udriver("e1000")

    delay_ms: int = 0
    policy: str = "atomic"
    marshal: str = "fields"
    poison: int = 0

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return E1000_OPTIONS


@dataclass(frozen=True, slots=True)
class E1000(WholeNic):
    """Linux' driver of Intel's 82540EM, all of it in the kernel, in place of `Rtl8139`."""

    MODULE: ClassVar = "e1000"

    delay_ms: int = 0

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return E1000_OPTIONS


def old_chip() -> Mapping[str, KernelModule | Program]:
    """The module that makes QEMU's chip one for 8139too."""
    return {"modules/old_chip.ko": KernelModule(OLD_CHIP, "old_chip")}


def make_chip_old() -> None:
    """8139too takes the chip from now on, and 8139cp does not."""
    run("insmod", "/faultkit/modules/old_chip.ko")


@dataclass(frozen=True, slots=True)
class Rtl8139Too(WholeNic):
    """Linux' driver of the RTL8139, which copies each packet, all of it in the kernel, in place of `Rtl8139`."""

    MODULE: ClassVar = "8139too"

    delay_ms: int = 0

    def files(self) -> Mapping[str, KernelModule | Program]:
        return old_chip()

    def prepare(self) -> None:
        make_chip_old()
        WholeNic.prepare(self)


@dataclass(frozen=True, slots=True)
class Rtl8139TooSliced(SlicedNic):
    """8139too, cut: the twin of `Rtl8139Too`, with the same `delay_ms`, and the other fields of `Rtl8139Sliced`."""

    MODULE: ClassVar = "8139too"
    UDRIVER: ClassVar = udriver("8139too")
    NEEDS: ClassVar = ("mii",)

    delay_ms: int = 0
    policy: str = "atomic"
    marshal: str = "fields"
    poison: int = 0

    def files(self) -> Mapping[str, KernelModule | Program]:
        return {**SlicedNic.files(self), **old_chip()}

    def prepare(self) -> None:
        make_chip_old()
        SlicedNic.prepare(self)
