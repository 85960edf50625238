"""tally.ko and tally_u as a driver under test, and a workload for it. Runs in the guest."""

from __future__ import annotations

import errno
import os
import random
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from functools import partial
from pathlib import Path

from faultkit.kit import Bench, Check, KernelModule, Program, Tampering, retry
from microdriver import UDriver, halves, load, unload

NODE = "/dev/tally0"
COUNT = 0xC0045401  # TALLY_IOC_COUNT of tally.h
UDRIVER = UDriver(Path("/faultkit/bin/tally_u"), Path("/dev/microdriver/tally0"))
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Tally:
    """QEMU's pci-testdev as a microdriver: it counts what is written to it."""

    @property
    def modules(self) -> tuple[str, ...]:
        return ("tally", "microdriver")

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ("-device", "pci-testdev")

    @property
    def udriver(self) -> str:
        return UDRIVER.name

    def files(self) -> Mapping[str, KernelModule | Program]:
        return halves(Path(__file__).parent, "tally", "tally_u")

    def thaw(self) -> None:
        """QEMU does not save this device with the machine: its configuration is written anew."""
        [place] = (p for p in Path("/sys/bus/pci/devices").iterdir() if (p / "device").read_text() == "0x0005\n")
        start = int((place / "resource").read_text().split()[0], 16)
        with (place / "config").open("r+b", buffering=0) as config:
            os.pwrite(config.fileno(), struct.pack("<I", start), 0x10)  # BAR 0
            os.pwrite(config.fileno(), struct.pack("<H", 0x0002), 0x04)  # answers to memory accesses

    def load(self) -> None:
        load("tally")

    def unload(self) -> None:
        unload("tally", UDRIVER)

    def start_udriver(self) -> None:
        retry(UDRIVER.start, timeout_s=1.0)

    def stop_udriver(self) -> None:
        UDRIVER.stop()

    def udriver_pid(self) -> int:
        return UDRIVER.pid()

    def tamper(self, tampering: Tampering) -> int:
        return UDRIVER.tamper(tampering)

    def attach(self) -> None:
        if not UDRIVER.is_there():
            self.start_udriver()  # the old one has left with the old k-driver
        retry(self.probe, timeout_s=2.0)

    def detach(self) -> None:
        UDRIVER.drop_held()

    def reattach(self) -> None:
        retry(self.probe, timeout_s=2.0)

    def probe(self) -> None:
        """A small count."""
        if counted(3) != 3:
            raise OSError(errno.EBADMSG, "the device cannot count to three")


def counted(n: int) -> int:
    """The count of the device for an order to count to n. Raises: OSError."""
    with Path(NODE).open("rb", buffering=0) as tally:
        return int.from_bytes(ioctl(tally, COUNT, n.to_bytes(4, "little")), "little")


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers that the device has to count to, one at a time."""

    requests: int = 40
    give_up_s: float = 3.0
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        rng = random.Random(bench.seed)
        left, last_success = self.requests, time.monotonic()
        while left and time.monotonic() - last_success < self.give_up_s:
            if count(bench, rng.randint(1, 100)):
                left, last_success = left - 1, time.monotonic()
            time.sleep(PAUSE_S)
        if left:
            bench.report("workload", "workload.gave_up", why=f"no success for {self.give_up_s:g} s")
        return partial(check, bench)


def count(bench: Bench, to: int) -> bool:
    """One request: whether there was an answer."""
    found = None
    with suppress(OSError), bench.request("count", to=to):
        found = counted(to)
    if found not in (None, to):
        bench.report("workload", "read.mismatched", expected=to, found=found)
    return found is not None


def check(bench: Bench) -> None:
    """One more count."""
    try:
        bench.driver.probe()
    except OSError as reason:
        bench.report("workload", "check.failed", error=reason.strerror or str(reason))
    else:
        bench.report("workload", "check.passed")
