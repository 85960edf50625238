"""How often does a fault in a monolithic NIC driver take the kernel down, and does reloading the driver help?

Expected: the kernel often dies before recovery can act. If it lives, a reload brings the link back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.rtl8139 import Rtl8139, Transfers
from faultkit import AtRequest, Nothing, ReloadKDriver, Trial
from faultkit.kit import Fault
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.requests import Requests
from monitors.resources import Resources

GOLDEN = Trial(
    driver=Rtl8139(),
    workload=Transfers(),
    policy=ReloadKDriver(),
    monitors=(Requests(), Process(), Modules(), Kernel(), Resources()),  # Calls would make each reload slower
    seed=0,
)
ROUNDS = 12
GATE = ("golden clean in 6 trials", "no CORRUPT", "survived >= 50 %")
DMA_MAPPING_ERROR = -1


def faults(draw: random.Random) -> Iterator[Fault]:
    """The faults of one round."""
    for _ in range(3):
        yield from (Text(operator, draw.getrandbits(64)) for operator in ("bit_flip", "nop", "inverted_branch"))
    yield CallError("dma_map_page_attrs", DMA_MAPPING_ERROR, nth=draw.randint(1, 30))
    yield CallError("napi_alloc_skb", 0, nth=draw.randint(1, 30), times=3)
    yield CallDelay("dma_map_page_attrs", delay_us=draw.randint(1, 50) * 1000, nth=draw.randint(1, 30), times=3)


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then rounds of faults under a reload, some of the same faults also without one."""
    draw = random.Random(seed)
    for _ in range(6):
        yield replace(GOLDEN, seed=draw.getrandbits(32))
    for _ in range(ROUNDS):
        for n, fault in enumerate(faults(draw)):
            faulty = replace(GOLDEN, fault=fault, trigger=AtRequest(draw.randint(1, 40)), seed=draw.getrandbits(32))
            yield faulty
            if n % 6 == 0:
                yield replace(faulty, policy=Nothing())
