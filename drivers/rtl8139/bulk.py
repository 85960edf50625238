"""Streams of unchecked bytes, to measure the cost of moving them."""

from __future__ import annotations

import random
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drivers.rtl8139.peer import DATA_PORT, GENERATE, ORDER, PEER_ADDRESS, SWALLOW, generate, receive, swallow
from drivers.rtl8139.workload import Transfers
from faultkit.kit import Bench, Check, Kind

WARM_UP_BYTES = 1 << 18  # until the congestion window is open
IDLE = re.compile(r"\.idle_sleeptime *: (\d+) nsecs")
LONGEST_WAIT_S = 0.02


@dataclass(frozen=True, slots=True)
class Bulk:
    """A number of megabytes to the peer, then from it, over one connection each; reports time and processor time.

    The trial's seed draws how long it waits before each, so that repetitions differ in how they meet the timers.
    """

    megabytes: int = 4
    deadline_s: float = 120.0
    late_s: float = 100.0

    def run(self, bench: Bench) -> Check:
        rng = random.Random(bench.seed)
        for op, direction in ((SWALLOW, "send"), (GENERATE, "receive")):
            with socket.create_connection((PEER_ADDRESS, DATA_PORT), timeout=10) as stream:
                move(stream, op, WARM_UP_BYTES)
                time.sleep(rng.random() * LONGEST_WAIT_S)
                with bench.request(direction), measured(bench, direction, self.megabytes << 20):
                    move(stream, op, self.megabytes << 20)
        return partial(Transfers().check, bench)


@contextmanager
def measured(bench: Bench, direction: str, count: int) -> Iterator[None]:
    """Report the cost of the bytes that are moved meanwhile, in the whole guest, the peer's half included."""
    idle_ns, began_ns = idle(), time.monotonic_ns()
    yield
    took_ns = time.monotonic_ns() - began_ns
    busy_ns = took_ns - (idle() - idle_ns)
    bench.report("workload", Kind.TRANSFER_MEASURED, direction=direction, bytes=count, took_ns=took_ns, busy_ns=busy_ns)


def idle() -> int:
    """The processor's idle time in nanoseconds; /proc/uptime has only hundredths of a second."""
    return sum(map(int, IDLE.findall(Path("/proc/timer_list").read_text())))


def move(stream: socket.socket, op: bytes, count: int) -> None:
    """Move bytes in one direction, until the receiver confirms them all. Raises: OSError."""
    stream.sendall(ORDER.pack(op, 0, count))
    if op == SWALLOW:
        generate(stream, count)
        receive(stream, 1)
    else:
        swallow(stream, count)
