"""Does a microdriver outlive its u-driver, at whichever of the messages between its halves that ends?

Expected: yes. At every crossing of initialisation, of stopping and opening, and of a change of the link, in each of the
four directions, the u-driver is killed once, and stopped (hung) once, under RestartUDriver and under ReloadKDriver. The
kernel lives, no task waits for ever, the service is back and no byte is wrong.

Exhaustive: the n-th message from the beginning of a phase is met, for n from 1 to one more than there are. That last
one must be of the heartbeat, which begins to beat when an undisturbed phase is over, and none before may be; this
shows that there are no more. So it finds a u-driver that hangs after 2 to 4 s, and the workload waits for that.
The table, and whether it is complete: `python -m experiments.microdriver.tables RESULT`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from drivers.edu import Edu, EduBringUp
from drivers.rtl8139 import Phases
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import AtRequest, Detectors, ReloadKDriver, RestartUDriver, Trial
from injectors.channel.channel import Channel
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process

GATE = ("golden clean in 4 trials", "no CRASHED", "no HUNG", "no LOST", "no CORRUPT", "no warned")
BEFORE = Trial(
    driver=Rtl8139Micro(),
    workload=Phases(),
    policy=RestartUDriver(),
    monitors=(Process(), Modules(), Kernel()),
    detectors=Detectors(beat_s=2.0),
    seed=0,
)


@dataclass(frozen=True, slots=True)
class LifePhase:
    """A phase of a driver's life, and how many messages cross in it."""

    trial: Trial
    crossings: int
    begins_with: int  # request of the workload


def of_network(phase: str, crossings: int) -> LifePhase:
    """A phase of the network interface's life."""
    workload = Phases(phase)
    return LifePhase(replace(BEFORE, workload=workload), crossings, workload.begins_with)


PHASES = (
    of_network("reopening", 24),  # of which 6 to stop it
    of_network("link change", 8),  # 4 each way
    LifePhase(replace(BEFORE, driver=Edu(), workload=EduBringUp()), 10, EduBringUp().begins_with),
    of_network("initialisation", 24),  # of which 6 up to the interface, 18 to open it
)


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then every crossing of every phase, and one more."""
    draw = random.Random(seed)
    for phase in PHASES:
        yield replace(phase.trial, seed=draw.getrandbits(32))
    for phase in PHASES:
        for nth in range(1, phase.crossings + 2):
            for action in ("kill", "stop"):
                for policy in (RestartUDriver(), ReloadKDriver()):
                    fault = Channel(action, "any", nth=nth)
                    trigger = AtRequest(phase.begins_with)
                    seed = draw.getrandbits(32)
                    yield replace(phase.trial, fault=fault, trigger=trigger, policy=policy, seed=seed)
