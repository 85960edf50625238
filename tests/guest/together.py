"""Several drivers in one guest. A module of its own: it travels as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.model.builds import KernelModule, Program
from faultkit.model.parts import Driver, Prepares, Ships, Split


@dataclass(frozen=True, slots=True)
class Together:
    """All of these: one guest for the trials of each."""

    drivers: tuple[Driver, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for driver in self.drivers for name in driver.modules))

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return tuple(option for driver in self.drivers for option in driver.qemu_devices)

    def files(self) -> Mapping[str, Path | KernelModule | Program]:
        return {
            name: file for driver in self.drivers if isinstance(driver, Ships) for name, file in driver.files().items()
        }

    def prepare(self) -> None:
        for driver in self.drivers:
            if isinstance(driver, Prepares):
                driver.prepare()

    def load(self) -> None:
        for driver in self.drivers:
            driver.load()

    def unload(self) -> None:
        for driver in reversed(self.drivers):
            driver.unload()

    def attach(self) -> None:
        for driver in self.drivers:
            if isinstance(driver, Split):
                driver.start_udriver()
            driver.attach()

    def detach(self) -> None:
        for driver in reversed(self.drivers):
            driver.detach()
            if isinstance(driver, Split):
                driver.stop_udriver()

    def probe(self) -> None:
        for driver in self.drivers:
            driver.probe()
