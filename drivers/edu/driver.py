"""The driver of edu: edu_micro.ko and edu_u."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Tampering
from microdriver import Microdriver, UDriver

NODE = Path("/dev/edu0")
BUFFER_BYTES = 4096
PROBED = BUFFER_BYTES - 16  # behind the workload's slots
FACTORIAL = 0xC0044501  # EDU_IOC_FACTORIAL of edu.h


@dataclass(frozen=True, slots=True)
class Edu(Microdriver):
    """A microdriver for QEMU's teaching device edu: registers, an interrupt and DMA."""

    MODULE: ClassVar = "edu_micro"
    UDRIVER: ClassVar = UDriver(Path("/faultkit/bin/edu_u"), Path("/dev/microdriver/edu0"))

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ("-device", "edu")

    def thaw(self) -> None:
        """Write the device's configuration anew, which QEMU does not save with the machine."""
        place = device()
        start = int((place / "resource").read_text().split()[0], 16)
        with (place / "config").open("r+b", buffering=0) as config:
            os.pwrite(config.fileno(), struct.pack("<I", start), 0x10)  # BAR 0
            os.pwrite(config.fileno(), struct.pack("<H", 0x0006), 0x04)  # memory, bus master

    def tamper(self, tampering: Tampering) -> int:
        return self.UDRIVER.tamper(tampering)

    def probe(self) -> None:
        """Eight bytes to the device and back, and the u-driver's report."""
        token = os.urandom(8)
        with opened() as fd:
            os.pwrite(fd, token, PROBED)
            if os.pread(fd, len(token), PROBED) != token:
                raise OSError(errno.EBADMSG, "the device returned other bytes than were written")
        if not Path("/sys/class/misc/edu0/stats").read_text().startswith("version 1\n"):
            raise OSError(errno.EBADMSG, "the u-driver's report does not make sense")


def device() -> Path:
    """The device's place in sysfs."""
    found = [p for p in Path("/sys/bus/pci/devices").iterdir() if (p / "device").read_text().strip() == "0x11e8"]
    if not found:
        raise OSError(errno.ENODEV, "there is no edu device")
    return found[0]


@contextmanager
def opened() -> Iterator[int]:
    """A handle of /dev/edu0."""
    fd = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def factorial(fd: int, n: int) -> int:
    """n!, as the device works it out for the u-driver. Raises: OSError."""
    return int.from_bytes(ioctl(fd, FACTORIAL, struct.pack("<I", n)), "little")
