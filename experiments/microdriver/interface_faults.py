"""Does a k-driver bear whatever its u-driver may tell it?

Expected: yes. What does not keep to the contract is refused, and its sender expelled; what keeps to it is at worst
wrong in what the u-driver is trusted with: a factorial. No oops, nothing that hangs; the next u-driver serves.
After: V. Ganapathy et al., "The design and implementation of microdrivers", ASPLOS 2008, who trust the u-driver's
messages; J. N. Herder et al., "Countering IPC threats in multiserver operating systems", PRDC 2008, do not.
Different: each field of each message from the u-driver is wrong in turn: its head's, its first record's, and those of
shared objects, as the contract's tables name them, with values at the boundaries and with flipped bits.

The messages are those of a driver's life: unloading, coming up, serving, a new u-driver. Of rtl8139_micro's calls,
`recover` and `refill` are left out, which only follow an error of the device. Nobody recovers but the workload itself,
so that no heartbeat adds to the messages. A golden trial is not "clean", since u-drivers end in it.

The table: `python -m experiments.microdriver.tables RESULT`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from drivers.edu import Edu, EduEveryCall
from drivers.rtl8139_micro import Rtl8139Micro, RtlEveryCall
from experiments.microdriver.boundaries import MessageKind, wrongs
from faultkit import AtRequest, Detectors, Nothing, Trial
from faultkit.kit import Program
from faultkit.machine import cbuild
from microdriver.contract import Contract, contract
from monitors.crossings import Crossings
from monitors.kernel import Kernel

GATE = ("no CRASHED", "no HUNG", "no LOST", "no warned", "no CORRUPT where driver = rtl8139_micro")
VALUES = 2  # of each field of each message, drawn from all that are worth a try; None: all, for an hour and more
LIFE = Trial(
    driver=Edu(),
    workload=EduEveryCall(),
    policy=Nothing(),
    detectors=Detectors(beat_s=1000.0),
    monitors=(Kernel(), Crossings()),
    seed=0,
)


@dataclass(frozen=True, slots=True)
class InterfaceSubject:
    """A driver under test, its life, its u-driver's program, and the messages that come in each step."""

    driver: Edu | Rtl8139Micro
    workload: EduEveryCall | RtlEveryCall
    program: str
    messages: Mapping[str, Sequence[MessageKind]]

    @property
    def golden(self) -> Trial:
        """A life without a fault."""
        return replace(LIFE, driver=self.driver, workload=self.workload)

    def contract(self) -> Contract:
        """The contract of a driver. Raises: UnmetNeed, HarnessError if the u-driver cannot be built here."""
        match self.driver.files().get(self.program):
            case Program() as program:
                return contract(cbuild.program(program))
            case other:
                raise TypeError(f"{self.program} is no program to build: {other}")


def returns(*calls: str, buffer: bool = False) -> tuple[MessageKind, ...]:
    """The answers to some upcalls."""
    return tuple(MessageKind("return", call, buffer) for call in calls)


def downcalls(*calls: str) -> tuple[MessageKind, ...]:
    """Some downcalls."""
    return tuple(MessageKind("downcall", call) for call in calls)


SUBJECTS = (
    InterfaceSubject(
        Edu(),
        EduEveryCall(),
        "bin/edu_u",
        {
            "reload": (*returns("probe"), *downcalls("enable", "buffer", "interrupt", "register")),
            "factorial": (*returns("factorial"), *downcalls("wait")),
            "report": returns("report", buffer=True),
        },
    ),
    InterfaceSubject(
        Rtl8139Micro(),
        RtlEveryCall(),
        "bin/rtl_u",
        {
            "reload": (
                *returns("stop", "probe", "open"),
                *downcalls("quiet", "release", "enable", "register", "rings", "interrupt"),
                *downcalls("lock", "unlock", "start", "carrier"),
            ),
            "settings": returns("settings"),
            "registers": returns("read_regs", buffer=True),
            "checksum": returns("set_checksum"),
            "address": (*returns("set_mac"), *downcalls("unlock")),
            "renegotiate": returns("renegotiate"),
            "rejoin": returns("link_changed"),
        },
    ),
)


def trials(seed: int) -> Iterator[Trial]:
    """A golden life of each driver; then a life for each wrong value of each field of each message, shuffled."""
    draw = random.Random(seed)
    for subject in SUBJECTS:
        yield replace(subject.golden, seed=draw.getrandbits(32))
    lives = [life for subject in SUBJECTS for life in faulty(subject, draw)]
    draw.shuffle(lives)  # so that the first ones are a sample of all
    yield from lives


def faulty(subject: InterfaceSubject, draw: random.Random) -> Iterator[Trial]:
    """The lives in which a message is wrong, once; each begins with the step in which the message comes."""
    known = subject.contract()
    for step, messages in subject.messages.items():
        life = replace(subject.golden, workload=replace(subject.workload, since=step), trigger=AtRequest(1))
        for message in messages:
            for fault in wrongs(known, message, draw, VALUES):
                yield replace(life, fault=fault, seed=draw.getrandbits(32))
