"""A checked transfer: blocks one after another, read or written, for a time."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from drivers.nbd.driver import NODE
from faultkit.kit import Bench, Check, Kind

RETRY_S = 0.05
STAMP = struct.Struct("<QQ")  # the block, and the number of its write
SPARE_S = 30.0  # beyond its duration, until a request that is still open counts as stuck


@dataclass(slots=True)
class Ledger:
    """The contents that each block may hold: the last that was acknowledged, and those tried since."""

    block_bytes: int
    possible: list[list[int]] = field(default_factory=list)

    def content(self, block: int, number: int) -> bytes:
        """The content of a block after its `number`-th write; every 16 bytes hold both numbers."""
        return STAMP.pack(block, number) * (self.block_bytes // STAMP.size)


@dataclass(frozen=True, slots=True)
class Stream:
    """Blocks in order past the page cache, one at a time, again and again: all of them read, or all written.

    Every read is verified; before it begins, and in the end, all blocks are written, or read back. `op` is "read" or
    "write", the requests that count for throughput. A request that fails is tried again with a fresh handle until
    `give_up_s` of virtual time have passed.
    """

    op: str = "read"
    duration_s: float = 0.5
    block_bytes: int = 16384
    blocks: int = 16
    give_up_s: float = 10.0
    late_s: float = 5.0

    @property
    def deadline_s(self) -> float:
        return self.duration_s + SPARE_S

    def run(self, bench: Bench) -> Check:
        ledger = Ledger(self.block_bytes, [[] for _ in range(self.blocks)])
        for block in range(self.blocks):
            if not self.insist(bench, ledger, "fill", block):
                return partial(check, bench, ledger)
        end = time.monotonic() + self.duration_s
        block = 0
        while time.monotonic() < end and self.insist(bench, ledger, self.op, block):
            block = (block + 1) % self.blocks
        return partial(check, bench, ledger)

    def insist(self, bench: Bench, ledger: Ledger, op: str, block: int) -> bool:
        """Repeat one request until it succeeds; False if the service seems to be gone."""
        since = time.monotonic()
        while True:
            try:
                with opened(ledger.block_bytes) as (fd, buffer):
                    transfer(bench, ledger, op, block, fd, buffer)
            except OSError:
                if time.monotonic() - since > self.give_up_s:
                    bench.report("workload", Kind.WORKLOAD_GAVE_UP, why=f"no success for {self.give_up_s:g} s")
                    return False
                time.sleep(RETRY_S)
            else:
                return True


@contextmanager
def opened(count: int) -> Iterator[tuple[int, mmap.mmap]]:
    """The device, past the page cache, and a buffer."""
    fd = os.open(NODE, os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
    try:
        with mmap.mmap(-1, count) as buffer:
            yield fd, buffer
    finally:
        os.close(fd)


def transfer(bench: Bench, ledger: Ledger, op: str, block: int, fd: int, buffer: mmap.mmap) -> None:
    """Make one request, and verify the data of a read."""
    if op == "read":
        with bench.request(op, block=block):
            whole(os.preadv(fd, [buffer], block * len(buffer)), buffer)
        verify(bench, ledger, block, buffer)
        return
    number = max(ledger.possible[block], default=0) + 1
    ledger.possible[block].append(number)
    buffer[:] = ledger.content(block, number)
    with bench.request(op, block=block):
        whole(os.pwritev(fd, [buffer], block * len(buffer)), buffer)
    ledger.possible[block] = [number]


def whole(count: int, buffer: mmap.mmap) -> None:
    """Refuse a short transfer. Raises: OSError."""
    if count != len(buffer):
        raise OSError(errno.ENXIO, "short transfer: the device has no server")


def verify(bench: Bench, ledger: Ledger, block: int, buffer: mmap.mmap) -> None:
    """Report a block with wrong content."""
    possible = ledger.possible[block]
    if possible and buffer[:] not in [ledger.content(block, number) for number in possible]:
        bench.report("workload", Kind.READ_MISMATCHED, block=block)


def check(bench: Bench, ledger: Ledger) -> None:
    """Read back every block, with a fresh handle."""
    try:
        with opened(ledger.block_bytes) as (fd, buffer):
            for block in range(len(ledger.possible)):
                whole(os.preadv(fd, [buffer], block * len(buffer)), buffer)
                verify(bench, ledger, block, buffer)
    except OSError as reason:
        bench.report("workload", Kind.CHECK_FAILED, error=reason.strerror or str(reason))
    else:
        bench.report("workload", Kind.CHECK_PASSED, blocks=len(ledger.possible))
