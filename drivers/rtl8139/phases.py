"""One phase of a network driver, between checked transfers: it comes up, reopens, loses its link, or is asked."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from drivers.rtl8139.bring_up import carrier, set_up
from drivers.rtl8139.driver import ADDRESS, DEVICE, WIRE
from drivers.rtl8139.peer import DATA_PORT, DOWN, PEER_ADDRESS, UP
from drivers.rtl8139.workload import Transfers, transfer
from faultkit.kit import RETRY_S, Bench, Check, StoppedMachine, retry, retry_request, run, run_in_order, start_anew

LOOK_S = 0.02
OUT_S = 0.2  # how long the cable is out
CHUNK_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Cable:
    """The request to the host to pull the driver's cable or to plug it in."""

    from_guest: ClassVar[tuple[str, ...]] = ("up",)

    up: bool
    wire: str = WIRE

    def on_host(self, machine: StoppedMachine) -> None:
        machine.set_link(self.wire, up=self.up)


@dataclass(frozen=True, slots=True)
class Phases:
    """Checked transfers, one phase of the driver, and checked transfers again: at once, and `lingers_s` later.

    One request at a time. `phase`: "initialisation" (the k-driver, taken down before, is loaded, gets a new u-driver if
    it is split, gets an address, and is opened), "reopening" (the interface is stopped and opened), "link change" (the
    cable is out for 0.2 s) or "settings" (ethtool asks for them, and for the registers). A request that fails is tried
    again until `give_up_s` of virtual time have passed; the phase waits as long for a carrier.
    """

    host_calls: ClassVar[tuple[Cable, ...]] = (Cable(up=True),)

    phase: str = "reopening"
    chunks: int = 2  # each way, before and after
    lingers_s: float = 5.0
    give_up_s: float = 10.0
    deadline_s: float = 50.0
    late_s: float = 10.0

    @property
    def begins_with(self) -> int:
        """The number of the first request of the phase."""
        return 2 + 2 * self.chunks

    def run(self, bench: Bench) -> Check:
        rng = random.Random(bench.seed)
        transfers, linger = partial(self.move, bench, rng), partial(time.sleep, self.lingers_s)
        run_in_order(bench, (transfers, partial(self.pass_through, bench), transfers, linger, transfers))
        return partial(Transfers().check, bench)

    def move(self, bench: Bench, rng: random.Random) -> None:
        """Chunks to the peer and from it, over one connection as long as that lasts. Raises: OSError if it gives up."""
        left = [UP, DOWN] * self.chunks

        def go_on() -> None:
            with connected(bench) as stream:
                while left:
                    transfer(bench, stream, left[0], rng.getrandbits(32), CHUNK_BYTES)
                    left.pop(0)

        retry(go_on, self.give_up_s, RETRY_S)

    def pass_through(self, bench: Bench) -> None:
        """Take the interface through the phase. Raises: OSError if it gives up."""
        if self.phase == "initialisation":
            start_anew(bench)
        ways: Mapping[str, tuple[str, Callable[[float], None]]] = {
            "initialisation": ("bring_up", bring_up),
            "reopening": ("reopen", reopen),
            "link change": ("replug", partial(replug, bench)),
            "settings": ("ask", ask),
        }
        op, way = ways[self.phase]
        retry_request(bench, op, partial(way, self.give_up_s), self.give_up_s)


def connected(bench: Bench) -> socket.socket:
    """A connection to the peer: a request of its own. Raises: OSError."""
    with bench.request("connect"):
        return socket.create_connection((PEER_ADDRESS, DATA_PORT))


def bring_up(for_s: float) -> None:
    """The interface, once it is there, gets its address and is opened; harmless if it is open. Raises: OSError."""
    retry(partial(set_up, DEVICE), for_s, LOOK_S)
    run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
    retry(carrier, for_s, LOOK_S)


def reopen(for_s: float) -> None:
    """Close and open the interface, and wait for the carrier. Raises: OSError."""
    set_up(DEVICE, up=False)
    set_up(DEVICE)
    retry(carrier, for_s, LOOK_S)


def replug(bench: Bench, for_s: float) -> None:
    """Pull the cable, plug it in again, and wait for the carrier. Raises: OSError."""
    for up in (False, True):
        bench.call_host(Cable(up))
        time.sleep(OUT_S)
    retry(carrier, for_s, LOOK_S)


def ask(for_s: float) -> None:
    """Read the driver's settings and registers with `ethtool`. Raises: OSError."""
    for options in ((), ("-d",)):
        run("ethtool", *options, DEVICE, timeout_s=for_s)
