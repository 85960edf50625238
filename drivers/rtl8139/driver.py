"""The driver rtl8139: 8139cp.ko, with a peer in a network namespace."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drivers.rtl8139.peer import ECHO_PORT, PEER, PEER_ADDRESS
from drivers.rtl8139.settings import Settings, apply, settings
from faultkit.kit import (
    REBIND,
    RESET_FUNCTION,
    Register,
    Remedy,
    bind_device,
    reset_device,
    retry,
    run,
    unbind_device,
    unload_module,
)

KDRIVER = "8139cp"
DEVICE = "rtl0"
ADDRESS = "10.0.0.1/24"
WIRE = "wire0"  # QEMU's name of the device's cable
PROBE_TIMEOUT_S = 0.5
DOWN_AND_UP = Remedy("the interface is set down and up", ("set_down", "set_up"))
START_PEER = "from drivers.rtl8139 import peer; peer.main()"


@dataclass(frozen=True, slots=True)
class Rtl8139:
    """Linux' driver of the RTL8139C+ Ethernet chip, all of it in the kernel.

    `delay_ms`: how long the peer's answers take on their way, as on a long wire; the processor idles meanwhile.
    `bridged`: the device is alone behind a PCI bridge, so that its function can be reset: the chip knows no other way.
    """

    delay_ms: int = 0
    bridged: bool = False

    @property
    def modules(self) -> tuple[str, ...]:
        return (KDRIVER,)

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        # The peer's model hands packets over synchronously; virtio's would do so in host time. In slot 5 it has an
        # interrupt line that is not the driver's: 440FX routes slots 3 and 4 to one.
        bridge = ("-device", "pci-bridge,id=bridge0,chassis_nr=1,shpc=off") if self.bridged else ()
        bus = ",bus=bridge0" if self.bridged else ""
        return (
            *bridge,
            *("-netdev", f"hubport,id={WIRE},hubid=0", "-device", f"rtl8139,netdev={WIRE},mac=52:54:00:00:00:01{bus}"),
            *("-netdev", "hubport,id=wire1,hubid=0", "-device", "pcnet,netdev=wire1,mac=52:54:00:00:00:02,addr=5"),
        )

    @property
    def interrupt_status(self) -> Register:
        """IntrStatus (RTL8139C(L)+ data sheet, 6.9)."""
        return Register(bar=1, offset=0x3E, size_bytes=2)

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """The interface's, the device's, and behind a bridge the function's."""
        reset = {"reset_function": RESET_FUNCTION} if self.bridged else {}
        return {"down_and_up": DOWN_AND_UP, "rebind": REBIND, **reset}

    def prepare(self) -> None:
        """Move the peer's NIC into its namespace and start the peer."""
        run("modprobe", "pcnet32")
        run("ip", "netns", "add", PEER)
        run("ip", "link", "set", bound_interface("pcnet32"), "netns", PEER, "name", "peer0")
        for command in ("link set lo up", f"addr add {PEER_ADDRESS}/24 dev peer0", "link set peer0 up"):
            run("ip", "-n", PEER, *command.split())
        if self.delay_ms:
            run("tc", "-n", PEER, "qdisc", "add", "dev", "peer0", "root", "netem", "delay", f"{self.delay_ms}ms")
        subprocess.Popen(["ip", "netns", "exec", PEER, sys.executable, "-c", START_PEER])

    def load(self) -> None:
        run("modprobe", KDRIVER)
        give_name(KDRIVER)

    def unload(self) -> None:
        unload_module(KDRIVER)

    def attach(self) -> None:
        run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
        self.set_up()
        retry(self.probe, timeout_s=5.0)

    def detach(self) -> None:
        with suppress(OSError):  # it may be gone already
            self.set_down()

    def set_down(self) -> None:
        run("ip", "link", "set", DEVICE, "down")

    def set_up(self) -> None:
        run("ip", "link", "set", DEVICE, "up")

    def unbind(self) -> None:
        unbind_device(KDRIVER)

    def bind(self) -> None:
        bind_device(KDRIVER)
        give_name(KDRIVER)

    def reset_function(self) -> None:
        reset_device(KDRIVER)

    def save(self) -> Settings:
        return settings(DEVICE)

    def restore(self, state: Settings) -> None:
        apply(DEVICE, state)

    def probe(self) -> None:
        """A datagram to the peer and back."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.settimeout(PROBE_TIMEOUT_S)
            token = os.urandom(8)
            datagram.sendto(token, (PEER_ADDRESS, ECHO_PORT))
            if datagram.recv(64) != token:
                raise OSError(errno.EBADMSG, "the echo differs from what was sent")


def give_name(kdriver: str) -> None:
    """Call the k-driver's interface by our name. Raises: OSError if there is none."""
    if (name := bound_interface(kdriver)) != DEVICE:
        run("ip", "link", "set", name, "name", DEVICE)


def bound_interface(kdriver: str) -> str:
    """The network interface of the (only) PCI device that a k-driver is bound to."""
    found = list(Path(f"/sys/bus/pci/drivers/{kdriver}").glob("0*/net/*"))
    if not found:
        raise OSError(errno.ENODEV, f"{kdriver} has no interface")
    return found[0].name
