"""A workload that takes the driver down and brings it up again, and measures the time."""

from __future__ import annotations

import fcntl
import socket
import struct
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drivers.rtl8139.driver import ADDRESS, DEVICE
from drivers.rtl8139.workload import Transfers
from faultkit.kit import Bench, Check, Kind, retry, run, start, take_down

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h
FLAGS = struct.Struct("16sH14x")  # struct ifreq
COUNTS = Path("/sys/kernel/debug/microdriver")


@dataclass(frozen=True, slots=True)
class BringUp:
    """From an absent k-driver to an interface with a carrier, again and again; reports when it was there."""

    rounds: int = 1
    deadline_s: float = 60.0
    late_s: float = 50.0

    def run(self, bench: Bench) -> Check:
        for _ in range(self.rounds):
            with bench.maintenance(), bench.request("bring_up"):
                take_down(bench.driver)
                start(bench.driver)
                there = time.monotonic_ns()
                set_up(DEVICE)
                retry(carrier, timeout_s=5.0, every_s=0.001)
                up = time.monotonic_ns()
                run("ip", "addr", "add", ADDRESS, "dev", DEVICE)
            bench.report("workload", Kind.DRIVER_BROUGHT_UP, up, open_ns=up - there, **crossings())
        return partial(Transfers().check, bench)


def set_up(device: str, *, up: bool = True) -> None:
    """Set an interface up or down, as `ip link` does, without a process. Raises: OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        ask = FLAGS.pack(device.encode(), 0)
        _, flags = FLAGS.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, ask))
        wanted = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, FLAGS.pack(device.encode(), wanted))


def carrier() -> None:
    """Look for the carrier. Raises: OSError if there is none."""
    if Path(f"/sys/class/net/{DEVICE}/carrier").read_text() != "1\n":
        raise OSError(f"{DEVICE} has no carrier")


def crossings() -> dict[str, int]:
    """The number of messages between the halves since the k-driver was loaded, and the bytes in them."""
    lines = (line.split() for counts in COUNTS.glob("*") for line in counts.read_text().splitlines())
    return {name: int(value) for name, value in lines if name in ("crossings", "bytes")}
