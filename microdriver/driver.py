"""The methods that drivers on the microdriver runtime share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from faultkit.kit import KernelModule, Program, retry
from microdriver.udriver import UDriver, halves, load, unload


class Microdriver(Protocol):
    """A split driver whose halves talk by the runtime. A driver derives from it, and adds `probe()`.

    The C files lie in the folder of the driver's own module.
    """

    MODULE: ClassVar[str]  # the k-driver
    UDRIVER: ClassVar[UDriver]
    ANSWER_S: ClassVar[float] = 2.0  # for the service to answer once the u-driver is there

    @property
    def modules(self) -> tuple[str, ...]:
        return (self.MODULE, "microdriver")

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ()

    @property
    def udriver(self) -> str:
        return self.UDRIVER.name

    @property
    def environment(self) -> Mapping[str, str]:
        """More variables of the u-driver's environment."""
        return {}

    def files(self) -> Mapping[str, KernelModule | Program]:
        folder = Path(str(sys.modules[type(self).__module__].__file__)).parent
        return halves(folder, self.MODULE, self.UDRIVER.program.name)

    def load(self) -> None:
        load(self.MODULE)

    def unload(self) -> None:
        unload(self.MODULE, self.UDRIVER)

    def start_udriver(self) -> None:
        retry(partial(self.UDRIVER.start, **self.environment), timeout_s=1.0)

    def stop_udriver(self) -> None:
        self.UDRIVER.stop()

    def udriver_pid(self) -> int:
        return self.UDRIVER.pid()

    def attach(self) -> None:
        if not self.UDRIVER.is_there():
            self.start_udriver()  # the old one has left with the old k-driver
        retry(self.probe, timeout_s=self.ANSWER_S)

    def detach(self) -> None:
        self.UDRIVER.drop_held()

    def reattach(self) -> None:
        retry(self.probe, timeout_s=self.ANSWER_S)

    def probe(self) -> None:
        """Use both halves once. Raises: OSError."""
