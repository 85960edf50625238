"""Does ring survive a failing allocation and broken machine code, and does reloading it help?

Expected: one failed allocation is an error that the workload sees, and no more; an allocator that keeps failing ends
the service, reload or not; of broken code a reload mends what the kernel survives.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from ringdriver import Ring, RoundTrips

from faultkit import AtRequest, Nothing, ReloadKDriver, Trial
from faultkit.kit import Fault
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from monitors.calls import Calls
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.resources import Resources

GOLDEN = Trial(
    driver=Ring(),
    workload=RoundTrips(),
    monitors=(Calls(), Modules(), Kernel(), Resources()),
    policy=ReloadKDriver(),
    seed=0,
)
ALLOCATE = "get_free_pages_noprof"  # what __get_free_page() comes to: see `nm -u ring.ko`
UD2 = "0f0b"  # the instruction that is never valid
ROUNDS = 4


def faults(draw: random.Random) -> Iterator[Fault]:
    """One round: three whose effect is known, then one of each kind of broken code."""
    yield CallError(ALLOCATE, 0, nth=draw.randint(1, 10))
    yield CallError(ALLOCATE, 0, times=0)
    yield Text("write", function="ring_write", new=UD2)
    for operator in ("bit_flip", "nop", "inverted_branch"):
        yield Text(operator, draw.getrandbits(64))


def trials(seed: int) -> Iterator[Trial]:
    """Four golden trials; then every fault twice, with a reload and without."""
    draw = random.Random(seed)
    for _ in range(4):
        yield replace(GOLDEN, seed=draw.getrandbits(32))
    for _ in range(ROUNDS):
        for fault in faults(draw):
            trial = replace(GOLDEN, fault=fault, trigger=AtRequest(draw.randint(1, 40)), seed=draw.getrandbits(32))
            yield trial
            yield replace(trial, policy=Nothing())
