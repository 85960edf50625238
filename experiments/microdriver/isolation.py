"""Does a bug in a driver take the kernel along, if the part of the driver that has it runs in a process?

Expected: never. Four bugs, each once at the beginning of a function, in four functions of rtl8139_micro's u-driver,
and in the corresponding ones of Debian's 8139cp, by the same machine code: a load from address 0, a write of 8 random
bytes up to 64 KiB beside what the function's first argument points to, an endless loop, and memory that is freed twice.
In the kernel the first and the third are its end; the others damage what others own, which may or may not show. In
edu's u-driver as well, which has no twin.
After: M. M. Swift, B. N. Bershad, H. M. Levy, "Improving the reliability of commodity operating systems", SOSP 2003,
for the question. Different: the bugs are placed, not drawn from a fault model, so shares compare the two sides only.

The table: `python -m experiments.microdriver.tables RESULT`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.edu import Edu, EduIO
from drivers.rtl8139 import Phases, Rtl8139
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import AtRequest, Detectors, ReloadKDriver, RestartUDriver, Trial
from injectors.kdriver.kernel_bug import KernelBug
from injectors.tools.bug_code import KINDS
from injectors.udriver.user_bug import UserBug
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process

DRAWS = 3
TWINS = (  # the phase in which they are called, the function of rtl_u, that of 8139cp
    ("reopening", "open_up", "cp_open"),
    ("reopening", "stop", "cp_close"),
    ("settings", "settings", "cp_get_link_ksettings"),
    ("settings", "read_regs", "cp_get_regs"),
)
ALONE = ("factorial", "report")  # functions of edu_u
GATE = ("golden clean in 3 trials", "no CRASHED where side = u-driver", "no HUNG or worse where side = u-driver")
SPLIT = Trial(
    driver=Rtl8139Micro(),
    workload=Phases(),
    policy=RestartUDriver(),
    monitors=(Process(), Modules(), Kernel()),
    detectors=Detectors(beat_s=2.0),  # it must not ask while the interface is down on purpose
    seed=0,
)
NATIVE = replace(SPLIT, driver=Rtl8139(), policy=ReloadKDriver())
EDU = replace(SPLIT, driver=Edu(), workload=EduIO(), detectors=Detectors())


def trials(seed: int) -> Iterator[Trial]:
    """Golden trials first; then each bug in each pair of functions, with the same numbers on both sides."""
    draw = random.Random(seed)
    for golden in (SPLIT, NATIVE, EDU):
        yield replace(golden, seed=draw.getrandbits(32))
    for kind in KINDS:
        for _ in range(DRAWS):
            numbers, same = draw.getrandbits(64), draw.getrandbits(32)
            for phase, ours, theirs in TWINS:
                for side, fault in ((SPLIT, UserBug(kind, ours, numbers)), (NATIVE, KernelBug(kind, theirs, numbers))):
                    workload = Phases(phase)
                    trigger = AtRequest(workload.begins_with)
                    yield replace(side, workload=workload, fault=fault, trigger=trigger, seed=same)
            for function in ALONE:
                yield replace(EDU, fault=UserBug(kind, function, numbers), trigger=AtRequest(3), seed=same)
