"""Does a driver that a tool cut outlive its u-driver, at whichever of the messages between its halves that ends?

Expected: yes. The u-driver is killed once, and stopped (hung) once, at messages all over initialisation and over
stopping and opening, each under RestartUDriver and under ReloadKDriver. The kernel lives, no task waits for ever, the
service is back and no byte is wrong.

A sample: all of the first messages of a phase, and each seventh behind those. `crash_points` asks the same about
drivers that were split by hand, at each of their messages.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from drivers.rtl8139 import Phases
from drivers.sliced import E1000Sliced, Rtl8139Sliced
from experiments.microdriver.crash_points import BEFORE
from faultkit import AtRequest, ReloadKDriver, RestartUDriver, Trial
from injectors.channel.channel import Channel

GATE = ("golden clean in 4 trials", "no CRASHED", "no HUNG", "no LOST", "no CORRUPT", "no warned")
FIRST = 30  # messages of a phase that are all met
LAST = {Rtl8139Sliced(): 58, E1000Sliced(): 142}  # of a phase; some lie behind its end
STEP = 7
LIVES = [
    (replace(BEFORE, driver=driver, workload=Phases(phase)), [*range(1, FIRST), *range(FIRST, last, STEP)])
    for (driver, last), phase in product(LAST.items(), ("reopening", "initialisation"))
]
"""Trials, each with the messages that are met, from 1."""


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then the messages of each phase."""
    draw = random.Random(seed)
    for life, _ in LIVES:
        yield replace(life, seed=draw.getrandbits(32))
    for life, points in LIVES:
        for nth, action, policy in product(points, ("kill", "stop"), (RestartUDriver(), ReloadKDriver())):
            fault, trigger = Channel(action, "any", nth=nth), AtRequest(Phases().begins_with)
            yield replace(life, fault=fault, trigger=trigger, policy=policy, seed=draw.getrandbits(32))
