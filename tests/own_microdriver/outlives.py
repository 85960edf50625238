"""Does tally outlive its u-driver?

Expected: yes. Who asks it to count waits for the next one; a u-driver that says what it must not say is refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from tallydriver import Counts, Tally

from faultkit import AtRequest, RestartUDriver, Trial
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.crossings import Crossings
from monitors.kernel import Kernel
from monitors.process import Process

GOLDEN = Trial(
    driver=Tally(),
    workload=Counts(),
    policy=RestartUDriver(),
    monitors=(Crossings(), Kernel(), Process()),
    seed=0,
)
FAULTS = (
    Kill(),
    Channel("kill", "upcall", message="begin"),
    Channel("kill", "return", message="begin"),
    Channel("corrupt", "return", message="begin", field="status", value=1),
)
GATE = ("golden clean in 1 trial", "no CRASHED", "no HUNG", "no CORRUPT", "no LOST")


def trials(seed: int) -> Iterator[Trial]:
    draw = random.Random(seed)
    yield replace(GOLDEN, seed=draw.getrandbits(32))
    for fault in FAULTS:
        yield replace(GOLDEN, fault=fault, trigger=AtRequest(draw.randint(1, 30)), seed=draw.getrandbits(32))
