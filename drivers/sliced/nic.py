"""Network drivers of Linux, cut: with the peer, the cable and the workloads of `drivers.rtl8139`; and e1000 whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from drivers.rtl8139.driver import ADDRESS, DEVICE, DOWN_AND_UP, WIRE, Rtl8139, give_name
from drivers.rtl8139.split import SplitNic
from faultkit.kit import (
    REBIND,
    KernelModule,
    Program,
    Remedy,
    bind_device,
    made_by,
    retry,
    run,
    unbind_device,
    unload_module,
)
from microdriver import UDriver, load

LINK_S = 10.0  # e1000 looks for a link every 2 s
E1000_OPTIONS = (
    *("-netdev", f"hubport,id={WIRE},hubid=0", "-device", f"e1000,netdev={WIRE},mac=52:54:00:00:00:01"),
    *("-netdev", "hubport,id=wire1,hubid=0", "-device", "pcnet,netdev=wire1,mac=52:54:00:00:00:02,addr=5"),
)


def udriver(module: str) -> UDriver:
    """The u-driver of a module that is cut."""
    return UDriver(Path(f"/faultkit/bin/{module}_u"), Path(f"/dev/microdriver/{module}"))


class SlicedNic(SplitNic, Protocol):
    """A network driver of Linux, cut by the slicer. A driver derives from it."""

    LINK_S: ClassVar[float] = LINK_S
    NEEDS: ClassVar[tuple[str, ...]] = ()  # modules that are loaded before

    @property
    def policy(self) -> str:
        """The functions that stay in the kernel: data, atomic or keep-locks."""

    @property
    def marshal(self) -> str:
        """The parts of objects that cross with a call: fields or whole."""

    def files(self) -> Mapping[str, KernelModule | Program]:
        return made_by("slicer.build:shipped", self.MODULE, self.policy, self.marshal)

    def load(self) -> None:
        for name in self.NEEDS:
            run("modprobe", name)
        load(self.MODULE)


@dataclass(frozen=True, slots=True)
class Rtl8139Sliced(SlicedNic):
    """8139cp, cut: the twin of `Rtl8139`, with the same `delay_ms`.

    `policy`: which functions stay in the kernel: data, atomic or keep-locks. `marshal`: what crosses with a call, the
    `fields` that it needs or `whole` objects.
    """

    MODULE: ClassVar = "8139cp"
    UDRIVER: ClassVar = udriver("8139cp")
    NEEDS: ClassVar = ("mii",)

    delay_ms: int = 0
    policy: str = "atomic"
    marshal: str = "fields"


@dataclass(frozen=True, slots=True)
class E1000Sliced(SlicedNic):
    """e1000, cut: the twin of `E1000`, with the same `delay_ms`, `policy` and `marshal` as of `Rtl8139Sliced`."""

    MODULE: ClassVar = "e1000"
    UDRIVER: ClassVar = udriver("e1000")

    delay_ms: int = 0
    policy: str = "atomic"
    marshal: str = "fields"

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
