"""8139cp, cut, with two devices, of which one goes and comes. A module of its own: it travels as a file."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drivers.rtl8139 import Rtl8139, Transfers
from drivers.sliced import Rtl8139Sliced
from faultkit.kit import Bench, Check, retry, run
from microdriver import Microdriver

NAMES = ("rtl0", "rtl1")
COMES_S = 6.0
BOUND = Path("/sys/bus/pci/drivers/8139cp")


@dataclass(frozen=True, slots=True)
class TwoRtl8139(Rtl8139Sliced):
    """The first device is that of `Rtl8139Sliced`; the second one has no cable."""

    MORE: ClassVar = ("-netdev", "hubport,id=wire2,hubid=1", "-device", "rtl8139,netdev=wire2,addr=6")

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return (*Rtl8139().qemu_devices, *self.MORE)

    def start_udriver(self) -> None:
        Microdriver.start_udriver(self)
        retry(give_names, timeout_s=COMES_S)


@dataclass(frozen=True, slots=True)
class OneGoes:
    """The second device is taken off the driver, with the u-driver there and without; the first one works on."""

    deadline_s: float = 60.0
    late_s: float = 10.0

    def run(self, bench: Bench) -> Check:
        driver = bench.driver
        assert isinstance(driver, TwoRtl8139)
        second = slots()[1]
        with bench.maintenance():
            unbind(second)
            driver.probe()
            bind(second)
            driver.probe()
            driver.stop_udriver()
            driver.UDRIVER.drop_held()
            unbind(second)
            Rtl8139().probe()
            (driver.UDRIVER.attributes / "hold_ms").write_text("3000")
            driver.UDRIVER.start()
            retry(driver.probe, timeout_s=COMES_S)
            bind(second)
        return Transfers(chunks=2).run(bench)


def slots() -> list[str]:
    """The slots of the driver's devices."""
    return sorted(path.name for path in BOUND.glob("0*"))


def unbind(slot: str) -> None:
    """The driver lets a device go, whose interface is open."""
    (BOUND / "unbind").write_text(slot)
    if slot in slots():
        raise OSError(errno.EBUSY, slot)


def bind(slot: str) -> None:
    """The driver takes a device, whose interface is opened."""
    (BOUND / "bind").write_text(slot)
    retry(give_names, timeout_s=COMES_S)


def give_names() -> None:
    """Each interface has its name; the second one is open. Raises: OSError while one is missing."""
    interfaces = [path.name for slot in slots() for path in (BOUND / slot / "net").glob("*")]
    if len(interfaces) != len(NAMES):
        raise OSError(errno.ENODEV, f"there is only {interfaces}")
    for interface, name in zip(interfaces, NAMES, strict=True):
        if interface != name:
            run("ip", "link", "set", interface, "name", name)
    run("ip", "link", "set", NAMES[1], "up")
