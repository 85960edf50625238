"""The methods that drivers share which the slicer cuts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol

from faultkit.kit import KernelModule, Program, made_by, run
from microdriver import Microdriver, UDriver, load, unload_with

HELPS_S = 2.0


class SlicedDriver(Microdriver, Protocol):
    """A driver of Linux, cut by the slicer. A driver derives from it."""

    NEEDS: ClassVar[tuple[str, ...]] = ()  # modules that are loaded before

    @property
    def policy(self) -> str:
        """The functions that stay in the kernel: data, atomic or keep-locks."""

    @property
    def marshal(self) -> str:
        """The parts of objects that cross with a call: fields or whole."""

    @property
    def poison(self) -> int:
        """The level of MDU_POISON in the u-driver's environment; 0: none."""

    @property
    def environment(self) -> Mapping[str, str]:
        return {"MDU_POISON": str(self.poison)}

    def files(self) -> Mapping[str, KernelModule | Program]:
        return made_by("slicer.build:shipped", self.MODULE, self.policy, self.marshal)

    def load(self) -> None:
        for name in self.NEEDS:
            run("modprobe", name)
        load(self.MODULE)

    def unload(self) -> None:
        """The driver's own `remove` runs, in the u-driver."""
        unload_with(self.MODULE, self.UDRIVER, HELPS_S)


def udriver(module: str) -> UDriver:
    """The u-driver of a module that is cut."""
    return UDriver(Path(f"/faultkit/bin/{module}_u"), Path(f"/dev/microdriver/{module}"))
