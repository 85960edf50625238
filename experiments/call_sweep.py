"""Does a driver survive the failure of each kernel function that it calls, in each way and from each call site?

Each failure is tried twice: while requests are served, and when recovery begins.

Expected: in service, at worst an error; in recovery, a second attempt succeeds. A crash, or a service that stays away
although the kernel lives, shows a failure path that nobody has tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.nbd import Nbd, VerifiedIO
from drivers.rtl8139 import Rtl8139, Transfers
from faultkit import AtRequest, ReloadKDriver, RestartBoth, Trial
from faultkit.kit import Fault
from injectors.kdriver.call_error import CallError
from injectors.kdriver.unbind import Unbind
from injectors.several import Several
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.requests import Requests
from monitors.resources import Resources

MONITORS = (Requests(), Process(), Modules(), Kernel(), Resources())  # Calls would make each reload slower
NBD = Trial(driver=Nbd(), workload=VerifiedIO(), policy=RestartBoth(), monitors=MONITORS, seed=0)
RTL8139 = Trial(driver=Rtl8139(), workload=Transfers(), policy=ReloadKDriver(), monitors=MONITORS, seed=0)
DRIVERS: tuple[tuple[Trial, Fault, int], ...] = (
    (
        NBD,
        Kill(),
        68,
    ),  # the fault that makes recovery necessary; the number of (function, value, site) in Linux 6.12's driver
    (RTL8139, Unbind(), 35),
)


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then every failure, alone and with a fault that makes recovery necessary."""
    draw = random.Random(seed)
    for golden, _, _ in DRIVERS:
        for _ in range(3):
            yield replace(golden, seed=draw.getrandbits(32))
    for golden, trouble, failures in DRIVERS:
        for failure in (CallError(draw=at) for at in middles(failures)):
            for fault in (failure, Several((failure, trouble))):
                trigger = AtRequest(draw.randint(1, 20))
                yield replace(golden, fault=fault, trigger=trigger, seed=draw.getrandbits(32))


def middles(count: int) -> Iterator[int]:
    """A draw in the middle of each of `count` equally likely cases."""
    return ((2 * n + 1) * (1 << 63) // count for n in range(count))
