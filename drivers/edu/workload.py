"""Seeded writes, reads and factorials that verify what comes back."""

from __future__ import annotations

import math
import os
import random
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from drivers.edu.driver import PROBED, factorial, opened
from faultkit.kit import Bench, Check, Kind, Patience, final_check

SLOT_BYTES = 64
SLOTS = PROBED // SLOT_BYTES
LARGEST = 12


@dataclass(frozen=True, slots=True)
class EduIO:
    """Writes and reads of 64 bytes by DMA (the k-driver's), and factorials (the u-driver's), one at a time.

    `ops`: which of "write", "read" and "factorial". A request that fails is tried again until `give_up_s` of virtual
    time have passed. The device needs 100 ms for each transfer. QEMU works factorials out in host time: with them,
    not every replay on a busy host is the same to the nanosecond.
    """

    requests: int = 24
    ops: tuple[str, ...] = ("write", "read", "factorial")
    give_up_s: float = 3.0
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        rng = random.Random(bench.seed)
        held: dict[int, bytes] = {}
        left = self.requests
        patience = Patience(bench, self.give_up_s)
        while left:
            with suppress(OSError), opened() as fd:
                while left:
                    step(bench, fd, rng.choice(self.ops), rng, held)
                    left -= 1
                    patience.renew()
            if left and patience.is_over():
                break
        return partial(check, bench, held, "factorial" in self.ops)


def step(bench: Bench, fd: int, op: str, rng: random.Random, held: dict[int, bytes]) -> None:
    """Make one request."""
    slot = rng.randrange(SLOTS)
    if op == "factorial":
        n = rng.randint(1, LARGEST)
        with bench.request("factorial", argument=n):
            found = factorial(fd, n)
        if found != math.factorial(n):
            bench.report("workload", Kind.READ_MISMATCHED, op=op, argument=n, found=found)
    elif op == "read" and held:
        slot = rng.choice(sorted(held))
        with bench.request("read", slot=slot):
            data = os.pread(fd, SLOT_BYTES, slot * SLOT_BYTES)
        verify(bench, slot, held[slot], data)
    else:
        data = rng.randbytes(SLOT_BYTES)
        held.pop(slot, None)  # unknown, should the write fail
        with bench.request("write", slot=slot):
            os.pwrite(fd, data, slot * SLOT_BYTES)
        held[slot] = data


def verify(bench: Bench, slot: int, expected: bytes, found: bytes) -> None:
    """Report a slot with wrong content."""
    if found != expected:
        bench.report("workload", Kind.READ_MISMATCHED, op="read", slot=slot)


def check(bench: Bench, held: dict[int, bytes], with_factorial: bool) -> None:
    """Read back every slot that was written, all in one transfer: each takes 100 ms."""
    with final_check(bench, slots=len(held)), opened() as fd:
        found = os.pread(fd, PROBED, 0)
        for slot, data in sorted(held.items()):
            verify(bench, slot, data, found[slot * SLOT_BYTES :][:SLOT_BYTES])
        if with_factorial and factorial(fd, LARGEST) != math.factorial(LARGEST):
            bench.report("workload", Kind.READ_MISMATCHED, op="factorial", argument=LARGEST)
