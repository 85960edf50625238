"""How many trials are saved if sites of code faults are drawn only from code that a golden trial executes?

Expected: most faults drawn from all of a driver are INACTIVE. Of those drawn among executed sites, a fault is INACTIVE
only if the workload had already passed its site for the last time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.nbd import Nbd, VerifiedIO
from drivers.rtl8139 import Rtl8139, Transfers
from faultkit import AtRequest, Nothing, Trial
from injectors.kdriver.text import Text
from monitors.kernel import Kernel
from monitors.requests import Requests

GOLDEN = (
    Trial(driver=Nbd(), workload=VerifiedIO(), policy=Nothing(), monitors=(Requests(), Kernel()), seed=0),
    Trial(driver=Rtl8139(), workload=Transfers(), policy=Nothing(), monitors=(Requests(), Kernel()), seed=0),
)
TYPES = ("bit_flip", "nop", "source", "destination", "pointer", "inverted_branch", "off_by_one", "initialisation",
         "interface", "lock")  # fmt: skip
ROUNDS = 10


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial per driver; then every type, drawn from all sites and, by the same draw, among executed ones."""
    draw = random.Random(seed)
    yield from (replace(golden, seed=draw.getrandbits(32)) for golden in GOLDEN)
    for _ in range(ROUNDS):
        for golden in GOLDEN:
            for kind in TYPES:
                at, bits, run = AtRequest(draw.randint(1, 40)), draw.getrandbits(64), draw.getrandbits(32)
                for among in ("all", "executed"):
                    yield replace(golden, fault=Text(kind, bits, among=among), trigger=at, seed=run)
