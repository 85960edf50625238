"""How much throughput is left when a driver is killed again and again under a checked transfer?

Expected: no checksum error at any interval. RedLeaf (OSDI 2020) lost 5 % of reads and 16 % of writes with its block
driver killed every second, MINIX 3 (DSN 2007) about 10 % with its network driver killed every two. nbd loses far more:
only the request timeout, of at least a second, sends a request again that was in flight. Of the network
drivers, the native one has no process to kill: it is unbound from its device and reloaded. Its split twin loses its
u-driver, while its data path goes on.

The table: `faultkit.results.sweeps.throughput(store)`. Servers and wires take 20 ms a request, so that requests are in
flight nearly all the time while the processor idles: a trial of a virtual minute takes about half a minute.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.nbd import Nbd, Stream
from drivers.rtl8139 import Rtl8139, Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import Detectors, Every, ReloadKDriver, RestartUDriver, Trial
from injectors.kdriver.unbind import Unbind
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.resources import Resources

INTERVALS_S = (1.0, 2.0, 4.0, 8.0, 15.0)
DURATION_S = 60.0
DELAY_MS = 20
WITHOUT_END = 1_000_000

BLOCK = Trial(
    driver=Nbd(delay_ms=DELAY_MS, hold_s=30),
    workload=Stream(duration_s=DURATION_S),
    policy=RestartUDriver(limit=WITHOUT_END, backoff_s=0.0),
    monitors=(Kernel(), Resources()),
    detectors=Detectors(
        beat_s=0.1, deadline_s=5.0
    ),  # its death is seen at once; a probe that waits for a server is healthy
    seed=0,
)
NETWORK = Trial(
    driver=Rtl8139(delay_ms=DELAY_MS),
    workload=Transfers(chunk_bytes=2048, duration_s=DURATION_S, deadline_s=DURATION_S + 30, give_up_s=10.0),
    policy=ReloadKDriver(limit=WITHOUT_END, backoff_s=0.0),
    monitors=(Kernel(), Resources()),
    detectors=Detectors(beat_s=0.02, deadline_s=0.5),  # only the heartbeat detects it
    seed=0,
)
SPLIT = replace(
    NETWORK,
    driver=Rtl8139Micro(delay_ms=DELAY_MS),
    policy=RestartUDriver(limit=WITHOUT_END, backoff_s=0.0),
    detectors=Detectors(beat_s=0.1, deadline_s=5.0),  # as with nbd
)
CASES = (
    (replace(BLOCK, workload=Stream("read", DURATION_S)), Kill()),
    (replace(BLOCK, workload=Stream("write", DURATION_S)), Kill()),
    (NETWORK, Unbind()),
    (SPLIT, Kill()),
)


def trials(seed: int) -> Iterator[Trial]:
    """Each case without a kill, then with one at every interval."""
    draw = random.Random(seed)
    golden = [(replace(trial, seed=draw.getrandbits(32)), fault) for trial, fault in CASES]
    yield from (trial for trial, _ in golden)
    for interval_s in INTERVALS_S:
        for trial, fault in golden:
            yield replace(trial, fault=fault, trigger=Every(interval_s))
