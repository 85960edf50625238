"""Seeded direct block I/O that verifies every byte and tracks what was acknowledged."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from mmap import mmap
from threading import Thread

from drivers.nbd.driver import PAGE, direct, read, write
from faultkit.kit import Bench, Check, Kind, Patience, final_check, seeded_bytes

BLOCKS = 16  # of each lane


@dataclass(slots=True)
class Lane:
    """One thread's share of the device, and what each of its blocks may hold."""

    first: int
    rng: random.Random
    possible: dict[int, tuple[bytes | None, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerifiedIO:
    """Random 4 KiB writes and reads past the page cache, `depth` at a time.

    A read must return what the last acknowledged write to its block wrote; after a write that failed, the
    old or the new content. A request that fails is tried again with a fresh handle until `give_up_s` of
    virtual time have passed. The check reads every block that was written.
    """

    requests: int = 96
    depth: int = 4
    give_up_s: float = 3.0
    deadline_s: float = 12.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        lanes = [Lane(n * BLOCKS, random.Random(f"{bench.seed}/{n}")) for n in range(self.depth)]
        threads = [Thread(target=self.work, args=(bench, lane), daemon=True) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return partial(check, bench, lanes)

    def work(self, bench: Bench, lane: Lane) -> None:
        """Make the requests of one lane, each until it succeeds; end early if the service seems to be gone."""
        left = self.requests // self.depth
        patience = Patience(bench, self.give_up_s)
        while left:
            with suppress(OSError), direct(os.O_RDWR) as (fd, page):
                while left:
                    step(bench, lane, fd, page)
                    left -= 1
                    patience.renew()
            if left and patience.is_over():
                return


def step(bench: Bench, lane: Lane, fd: int, page: mmap) -> None:
    """Make one request: write a block, or read one that was written and verify it."""
    block = lane.first + lane.rng.randrange(BLOCKS)
    if block not in lane.possible or lane.rng.random() < 0.5:
        data = seeded_bytes(lane.rng.getrandbits(64), PAGE)
        lane.possible[block] = (*lane.possible.get(block, (None,)), data)
        with bench.request("write", block=block):
            write(fd, page, block * PAGE, data)
        lane.possible[block] = (data,)
    else:
        with bench.request("read", block=block):
            found = read(fd, page, block * PAGE)
        verify(bench, lane, block, found)


def verify(bench: Bench, lane: Lane, block: int, found: bytes) -> None:
    """Report a block with wrong content."""
    *_, newest = possible = lane.possible[block]
    if newest is not None and None not in possible and found not in possible:
        wrong = sum(a != b for a, b in zip(found, newest, strict=True))
        bench.report("workload", Kind.READ_MISMATCHED, block=block, wrong_bytes=wrong)


def check(bench: Bench, lanes: list[Lane]) -> None:
    """Read back every block that was written, with a fresh handle."""
    blocks = sum(len(lane.possible) for lane in lanes)
    with final_check(bench, blocks=blocks), direct(os.O_RDONLY) as (fd, page):
        for lane in lanes:
            for block in sorted(lane.possible):
                verify(bench, lane, block, read(fd, page, block * PAGE))
