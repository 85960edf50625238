"""Linux' driver of Intel's watchdog timer 6300ESB: cut, and whole."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock, ioctl
from pathlib import Path
from typing import ClassVar

from drivers.sliced.base import SlicedDriver, udriver
from faultkit.kit import REBIND, Remedy, Tampering, bind_device, retry, run, unbind_device, unload_module

MODULE = "i6300esb"
PCI_DRIVER = "i6300ESB timer"
OTHER_WATCHDOG = ("-device", "ib700")
BITE_S = 5  # of the other watchdog, as of the one whose place it takes
ANSWER_S = 2.0
TURN = Path("/run/watchdog-turn")
MAGIC = b"V"  # a close after it stops the timer
LOCK_REGISTER, CONFIG_REGISTER = 0x68, 0x60  # of the device's configuration space
LOCKED, ENABLED = 0x01, 0x02  # of the lock register

KEEP_ALIVE = 0x80045705  # WDIOC_KEEPALIVE and so on, of linux/watchdog.h
SET_TIMEOUT, GET_TIMEOUT = 0xC0045706, 0x80045707


def make_room() -> None:
    """Have another watchdog look after this guest: the agent's own is the device under test."""
    unload_module(MODULE)
    run("modprobe", "ib700wdt", f"timeout={BITE_S}")


def place() -> Path:
    """The device's place in sysfs. Raises: OSError if the driver has none."""
    found = sorted(Path(f"/sys/bus/pci/drivers/{PCI_DRIVER}").glob("0*"))
    if not found:
        raise OSError(errno.ENODEV, f"{MODULE} has no device")
    return found[0]


def class_folder() -> Path:
    """The watchdog's own folder in sysfs. Raises: OSError if there is none."""
    known = sorted(Path("/sys/class/watchdog").glob("*/identity"))
    found = [path.parent for path in known if path.read_text().strip() == PCI_DRIVER]
    if not found:
        raise OSError(errno.ENODEV, f"{MODULE} has no watchdog")
    return found[0]


def register(offset: int, size_bytes: int) -> int:
    """A register of the chip, past its driver."""
    with (place() / "config").open("rb", buffering=0) as config:
        return int.from_bytes(os.pread(config.fileno(), size_bytes, offset), "little")


@contextmanager
def opened() -> Iterator[int]:
    """A handle of the watchdog, whose timer runs; afterwards it is stopped.

    Raises: OSError, also if the chip does not do what it was told.
    """
    fd = os.open(Path("/dev") / class_folder().name, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if not register(LOCK_REGISTER, 1) & ENABLED:
            raise OSError(errno.EBADMSG, "the chip's timer does not run")
        yield fd
        os.write(fd, MAGIC)
    finally:
        os.close(fd)
    expect(0)


@contextmanager
def alone() -> Iterator[None]:
    """The watchdog can be opened once at a time: probes and workloads wait for one another."""
    with TURN.open("wb") as turn:
        flock(turn, LOCK_EX)
        yield


def expect(state: int) -> None:
    """Raises: OSError if the chip's timer is in another state."""
    if (found := register(LOCK_REGISTER, 1)) != state:
        raise OSError(errno.EBADMSG, f"the chip's lock register is {found:#x}, not {state:#x}")


def keep_alive(fd: int) -> None:
    """Begin the time anew. Raises: OSError."""
    ioctl(fd, KEEP_ALIVE, bytes(4))


def set_timeout(fd: int, seconds: int) -> int:
    """Set the time and begin it anew; the time that the driver says it is. Raises: OSError."""
    return number(ioctl(fd, SET_TIMEOUT, struct.pack("<i", seconds)))


def timeout(fd: int) -> int:
    """The time in seconds. Raises: OSError."""
    return number(ioctl(fd, GET_TIMEOUT, bytes(4)))


def number(answer: bytes) -> int:
    """The number that the kernel answered."""
    return int(struct.unpack("<i", answer)[0])


def try_out() -> None:
    """Start the timer, feed it, and stop it. Raises: OSError."""
    with opened() as fd:
        keep_alive(fd)


@dataclass(frozen=True, slots=True)
class WatchdogSliced(SlicedDriver):
    """i6300esb, cut: the twin of `WatchdogWhole`. All its functions are in the process, under each `policy`.

    `policy`: which functions stay in the kernel: data, atomic or keep-locks. `marshal`: what crosses with a call, the
    `fields` that it needs or `whole` objects. `poison`: 1 or 2, to find what its tables do not name.
    """

    MODULE: ClassVar = MODULE
    UDRIVER: ClassVar = udriver(MODULE)

    policy: str = "atomic"
    marshal: str = "fields"
    poison: int = 0

    @property
    def modules(self) -> tuple[str, ...]:
        return (MODULE, "microdriver", "ib700wdt")

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return OTHER_WATCHDOG

    def prepare(self) -> None:
        make_room()

    def tamper(self, tampering: Tampering) -> int:
        return self.UDRIVER.tamper(tampering)

    def probe(self) -> None:
        """Start the timer, feed it, and stop it."""
        with alone():
            try_out()


@dataclass(frozen=True, slots=True)
class WatchdogWhole:
    """Linux' driver of Intel's watchdog timer 6300ESB, all of it in the kernel."""

    @property
    def modules(self) -> tuple[str, ...]:
        return (MODULE, "ib700wdt")

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return OTHER_WATCHDOG

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """The device's."""
        return {"rebind": REBIND}

    def prepare(self) -> None:
        make_room()

    def load(self) -> None:
        run("modprobe", MODULE)

    def unload(self) -> None:
        unload_module(MODULE)

    def attach(self) -> None:
        retry(self.probe, timeout_s=ANSWER_S)

    def detach(self) -> None:
        """Nothing to do."""

    def unbind(self) -> None:
        unbind_device(MODULE)

    def bind(self) -> None:
        bind_device(MODULE)

    def probe(self) -> None:
        """Start the timer, feed it, and stop it."""
        with alone():
            try_out()
