"""Faulty devices that are looked at, or spoken to. A module of its own, as a user's would be: it travels as a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from drivers.rtl8139.peer import ECHO_PORT, PEER
from faultkit.kit import Bench, Fault, KernelModule, Side, run
from injectors.device.dead_device import DeadDevice


@dataclass(frozen=True, slots=True)
class RegistersRead:
    """A dead device, and what its driver then reads from its registers, twice, and again when it is over."""

    side: ClassVar[Side] = "device"

    fault: DeadDevice

    def files(self) -> Mapping[str, KernelModule]:
        return self.fault.files()

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        try:
            with self.fault.inject(bench):
                for _ in range(2):
                    bench.report("test", "registers.read", hex=registers(bench.driver.device))
                yield
        finally:
            bench.report("test", "registers.read", hex=registers(bench.driver.device))


@dataclass(frozen=True, slots=True)
class SpokenTo:
    """A faulty network card, to which the peer then sends a datagram."""

    side: ClassVar[Side] = "device"

    fault: Fault
    address: str = "10.0.0.1"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        send = f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'?', ('{self.address}', {ECHO_PORT}))"
        with self.fault.inject(bench):
            run("ip", "netns", "exec", PEER, sys.executable, "-c", send)
            yield


def registers(interface: str) -> str:
    """All registers, as the driver gives them to ethtool."""
    done = subprocess.run(["ethtool", "-d", interface, "raw", "on"], capture_output=True, check=True)
    return done.stdout.hex()
