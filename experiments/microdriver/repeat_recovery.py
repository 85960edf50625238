"""Does recovery wear out, or trip over itself?

Expected: no. After a thousand recoveries in a row nothing is held that was not held before (slab, references, interrupt
handlers, descriptors), and the last hundred take as long as the first. A new u-driver that is killed while it is being
brought in is replaced once more, whenever that is. One that dies of each start is given up after five attempts, with
growing pauses, and the kernel lives on. All this while the service's own data stay right.
After: J. Herder et al., "Failure resilience for device drivers", DSN 2007, where a network driver was killed again and
again under a transfer.
Different: the k-driver lives on, and keeps its state; the clock is virtual.

The table: `python -m experiments.microdriver.tables RESULT`. A thousand recoveries take about ten minutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.edu import Edu, EduIO
from drivers.rtl8139 import Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import AtRequest, Detectors, Every, RestartUDriver, Trial
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.resources import Resources

RECOVERIES = 1000
NIC_EVERY_S, EDU_EVERY_S = 0.6, 1.5  # longer than a recovery takes
EDU_REQUESTS_A_S = 11  # most are a transfer of 100 ms
SPACINGS_MS = range(4, 304, 4)
GATE = (
    "golden clean in 2 trials", "no CRASHED", "no HUNG", "no CORRUPT", "no leaked", "no warned",
    "survived >= 95 % where injector = kill",
)  # fmt: skip

NIC = Trial(
    driver=Rtl8139Micro(),
    workload=Transfers(chunks=24, chunk_bytes=2048, pause_s=0.05),
    policy=RestartUDriver(limit=20, backoff_s=0.0, window_s=5.0),
    monitors=(Kernel(), Resources()),
    detectors=Detectors(beat_s=1.0, deadline_s=5.0),  # the pidfd tells of a death at once
    seed=0,
)
EDU = replace(NIC, driver=Edu(), workload=EduIO())


def long_nic(recoveries: int) -> Trial:
    """So many kills of the network driver's u-driver, and transfers all the while."""
    length_s = 1.05 * recoveries * NIC_EVERY_S
    workload = Transfers(chunk_bytes=2048, pause_s=0.1, duration_s=length_s, deadline_s=2 * length_s)
    return replace(NIC, workload=workload, fault=Kill(), trigger=Every(NIC_EVERY_S, recoveries))


def long_edu(recoveries: int) -> Trial:
    """So many kills of edu's u-driver, and requests all the while."""
    length_s = 1.05 * recoveries * EDU_EVERY_S
    workload = EduIO(requests=round(EDU_REQUESTS_A_S * length_s), deadline_s=2 * length_s)
    return replace(EDU, workload=workload, fault=Kill(), trigger=Every(EDU_EVERY_S, recoveries))


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial each; a thousand kills each; two kills at every spacing; deaths of each start."""
    draw = random.Random(seed)
    for trial in (NIC, EDU):
        yield replace(trial, seed=draw.getrandbits(32))
    for trial in (long_nic(RECOVERIES), long_edu(RECOVERIES)):
        yield replace(trial, seed=draw.getrandbits(32))
    for spacing_ms in SPACINGS_MS:
        for trial in (NIC, EDU):
            yield replace(trial, fault=Kill(), trigger=Every(spacing_ms / 1000, 2), seed=draw.getrandbits(32))
    for trial in (NIC, EDU):
        dies = replace(trial, fault=Channel("kill", "upcall", times=0), trigger=AtRequest(3))
        yield replace(dies, policy=RestartUDriver(limit=5), seed=draw.getrandbits(32))
