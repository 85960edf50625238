"""Does nbd survive faults in its u-driver and in its k-driver, if the u-driver is restarted?

Expected: the death or hang of a u-driver costs a pause and nothing else, at any time. A fault in the kernel half often
costs the kernel.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.nbd import Nbd, VerifiedIO
from faultkit import After, AtRequest, Nothing, RestartUDriver, Trial
from faultkit.kit import Fault
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from injectors.udriver.crash import Crash
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.memory import Memory
from monitors.calls import Calls
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.requests import Requests
from monitors.resources import Resources

GOLDEN = Trial(
    driver=Nbd(),
    workload=VerifiedIO(),
    policy=RestartUDriver(),
    monitors=(Requests(), Calls(), Process(), Modules(), Kernel(), Resources()),
    seed=0,
)
ROUNDS = 12
GATE = (
    "golden clean in 6 trials",
    "no CORRUPT",
    "survived >= 90 % where side = u-driver and policy = restart_udriver",
    "p90 recovery <= 2 s where side = u-driver and policy = restart_udriver",
)


def faults(draw: random.Random) -> Iterator[Fault]:
    """The faults of one round: as many kinds in the u-driver as in the k-driver."""
    yield from (Kill(), Hang(), Crash("SIGSEGV"), Crash("SIGABRT"))
    yield from (Memory(region, draw.getrandbits(64)) for region in ("heap", "stack", "data"))
    yield from (Text(operator, draw.getrandbits(64)) for operator in ("bit_flip", "nop", "inverted_branch"))
    yield CallError("sock_sendmsg", -errno.EPIPE, nth=draw.randint(1, 20))
    yield CallError("sock_recvmsg", -errno.ECONNRESET, nth=draw.randint(1, 20))
    yield CallDelay("sock_sendmsg", delay_us=draw.randint(1, 50) * 1000, nth=draw.randint(1, 20), times=3)


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then rounds of faults under a restart; death and hang also without one."""
    draw = random.Random(seed)
    for _ in range(6):
        yield replace(GOLDEN, seed=draw.getrandbits(32))
    for _ in range(ROUNDS):
        for fault in faults(draw):
            yield replace(GOLDEN, fault=fault, trigger=AtRequest(draw.randint(1, 60)), seed=draw.getrandbits(32))
        yield replace(GOLDEN, fault=Kill(), trigger=After(draw.uniform(0.01, 0.25)), seed=draw.getrandbits(32))
        for fault in (Kill(), Hang()):
            faulty = replace(GOLDEN, fault=fault, trigger=AtRequest(draw.randint(1, 60)), seed=draw.getrandbits(32))
            yield replace(faulty, policy=Nothing())
