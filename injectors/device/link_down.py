"""The network cable is pulled."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side, StoppedMachine
from injectors.tools.duration import for_a_while

RTMGRP_LINK = 1  # include/uapi/linux/rtnetlink.h


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The device's link is down for `for_s` (0: until the end): QEMU drops packets both ways and tells the device.

    `wire`: QEMU's name of the cable, as in the driver's `qemu_devices`.

    Activation: the k-driver tells the kernel that the carrier is gone (rtnetlink).
    Data: `wire`, `for_s`.
    Undo: the link is up again.
    """

    side: ClassVar[Side] = "device"
    from_guest: ClassVar[tuple[str, ...]] = ("up",)

    for_s: float = 1.0
    wire: str = "wire0"
    up: bool = False  # the order to the host at the end

    def foresee(self, driver: Driver) -> None:
        check_wire(self.wire, driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        carrier = Path(f"/sys/class/net/{bench.driver.device}/carrier")
        if not carrier.exists():
            raise NotPlaced(f"{type(bench.driver).__name__} has no network interface")
        mended = partial(bench.call_host, replace(self, up=True))
        with carrier_watched(bench, carrier):
            bench.call_host(self)
            with for_a_while(bench, self.for_s, mended):
                yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any] | None:
        machine.set_link(self.wire, up=self.up)
        return None if self.up else {"wire": self.wire, "for_s": self.for_s}


def check_wire(wire: str, driver: Driver) -> None:
    """Refuse the name of a cable that the driver's hardware has not. Raises: NotPlaced."""
    words = [word for option in driver.qemu_devices for word in option.split(",")]
    cables = [word.removeprefix("id=") for word in words if word.startswith("id=")]
    if wire not in cables:
        near = f": there are {', '.join(cables)}" if cables else ""
        raise NotPlaced(f"{type(driver).__name__} has no cable {wire!r}{near}")


@contextmanager
def carrier_watched(bench: Bench, carrier: Path) -> Iterator[None]:
    """Report "fault.activated" once, when the kernel tells that an interface's carrier is gone."""
    waiting = [True]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as news:
        news.bind((0, RTMGRP_LINK))
        news.setblocking(False)

        def look() -> None:
            drain(news)
            if waiting and is_gone(carrier):
                waiting.clear()
                bench.report("injector", Kind.FAULT_ACTIVATED)

        bench.watch(news.fileno(), look)
        try:
            yield
        finally:
            bench.unwatch(news.fileno())


def drain(news: socket.socket) -> None:
    """Read and drop everything that waits in a socket."""
    with suppress(BlockingIOError):
        while news.recv(65536):
            pass


def is_gone(carrier: Path) -> bool:
    """True if an interface that is up has no carrier; one that is down cannot be asked."""
    try:
        return carrier.read_text().strip() == "0"
    except OSError:
        return False
