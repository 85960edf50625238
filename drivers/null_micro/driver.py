"""The driver null_micro: null_micro.ko and null_u."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import KernelModule, Program, retry
from microdriver import UDriver, halves, load, unload

MODULE = "null_micro"
NODE = Path("/dev/null_micro")
HERE = Path(__file__).parent
UDRIVER = UDriver(Path("/faultkit/bin/null_u"), Path("/dev/microdriver/null0"))


@dataclass(frozen=True, slots=True)
class NullMicro:
    """A microdriver without a device, with one upcall that does nothing, to measure the cost of a crossing."""

    @property
    def modules(self) -> tuple[str, ...]:
        return (MODULE, "microdriver")

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ()

    @property
    def udriver(self) -> str:
        return UDRIVER.name

    def files(self) -> Mapping[str, KernelModule | Program]:
        cost = Program((HERE / "crossing_cost.c",))
        return halves(HERE, MODULE, "null_u") | {"bin/crossing_cost": cost}

    def load(self) -> None:
        load(MODULE)

    def unload(self) -> None:
        unload(MODULE, UDRIVER)

    def start_udriver(self) -> None:
        retry(UDRIVER.start, timeout_s=1.0)

    def stop_udriver(self) -> None:
        UDRIVER.stop()

    def udriver_pid(self) -> int:
        return UDRIVER.pid()

    def attach(self) -> None:
        if not UDRIVER.is_there():
            self.start_udriver()  # the old one has left with the old k-driver
        retry(self.probe, timeout_s=2.0)

    def detach(self) -> None:
        """Nothing to do: unloading takes the service down."""

    def reattach(self) -> None:
        retry(self.probe, timeout_s=2.0)

    def probe(self) -> None:
        """One upcall."""
        with NODE.open("rb", buffering=0) as node:
            node.read(8)
