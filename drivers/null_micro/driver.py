"""The driver null_micro: null_micro.ko and null_u."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import KernelModule, Program
from microdriver import Microdriver, UDriver

NODE = Path("/dev/null_micro")
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class NullMicro(Microdriver):
    """A microdriver without a device, with one upcall that does nothing, to measure the cost of a crossing."""

    MODULE: ClassVar = "null_micro"
    UDRIVER: ClassVar = UDriver(Path("/faultkit/bin/null_u"), Path("/dev/microdriver/null0"))

    def files(self) -> Mapping[str, KernelModule | Program]:
        cost = Program((HERE / "crossing_cost.c",))
        return {**Microdriver.files(self), "bin/crossing_cost": cost}

    def detach(self) -> None:
        """Nothing to do: unloading takes the service down."""

    def probe(self) -> None:
        """Make one upcall."""
        with NODE.open("rb", buffering=0) as node:
            node.read(8)
