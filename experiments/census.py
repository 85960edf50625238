"""How does each driver fare under each kind of fault?

Expected: with a restart, a u-driver's faults cost a pause. The k-driver's often cost the kernel. A reload mends the
device's, if they are detected.

A round puts in each kind once. Sites in code are drawn among those that a golden trial executes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from drivers.nbd import Nbd, VerifiedIO
from drivers.rtl8139 import Rtl8139, Transfers
from faultkit import AtRequest, ReloadKDriver, RestartUDriver, Trial
from faultkit.kit import Fault
from injectors.channel.channel import Channel
from injectors.device.dead_device import DeadDevice
from injectors.device.dma_flip import DmaFlip
from injectors.device.interrupt_storm import InterruptStorm
from injectors.device.interrupts_held import InterruptsHeld
from injectors.device.interrupts_lost import InterruptsLost
from injectors.device.link_down import LinkDown
from injectors.device.unplugged import Unplugged
from injectors.kdriver.call_argument import CallArgument
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.kernel_memory import KernelMemory
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from injectors.kdriver.unbind import Unbind
from injectors.udriver.crash import Crash
from injectors.udriver.disk_full import DiskFull
from injectors.udriver.fd_closed import FdClosed
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.memory import Memory
from injectors.udriver.memory_limit import MemoryLimit
from injectors.udriver.pause import Pause
from injectors.udriver.registers import Registers
from injectors.udriver.signals import Signal
from injectors.udriver.slow import Slow
from injectors.udriver.syscall_delay import SyscallDelay
from injectors.udriver.syscall_error import SyscallError
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.requests import Requests

MONITORS = (Requests(), Process(), Modules(), Kernel())
NBD = Trial(driver=Nbd(), workload=VerifiedIO(), policy=RestartUDriver(), monitors=MONITORS, seed=0)
PROXIED = replace(NBD, driver=Nbd(proxied=True))
RTL8139 = Trial(driver=Rtl8139(), workload=Transfers(), policy=ReloadKDriver(), monitors=MONITORS, seed=0)

CODE = ("bit_flip", "word", "nop", "source", "destination", "pointer", "deleted_branch", "inverted_branch", "loop",
        "off_by_one", "initialisation", "interface", "lock", "unlock")  # fmt: skip
SENT_ONLY = ("irq", "free", "allocation")  # types that 8139cp has executed sites of, and nbd has not
TAMPERINGS = ("drop", "delay", "truncate", "duplicate", "corrupt")
ROUNDS = 10
GATE = ("golden clean in 3 trials",)


def trials(seed: int) -> Iterator[Trial]:
    """A golden trial per driver, and ROUNDS rounds."""
    draw = random.Random(seed)
    yield from (replace(golden, seed=draw.getrandbits(32)) for golden in (NBD, PROXIED, RTL8139))
    for _ in range(ROUNDS):
        yield from one_round(draw)


def rounds(seed: int) -> Iterator[Trial]:
    """An endless sequence of rounds."""
    draw = random.Random(seed)
    while True:
        yield from one_round(draw)


def one_round(draw: random.Random) -> Iterator[Trial]:
    """Every kind of fault once, always in this order."""
    for golden, faults in ((NBD, of_nbd(draw)), (PROXIED, of_the_channel(draw)), (RTL8139, of_8139cp(draw))):
        for fault in faults:
            yield replace(golden, fault=fault, trigger=AtRequest(draw.randint(1, 40)), seed=draw.getrandbits(32))


def of_nbd(draw: random.Random) -> Iterator[Fault]:
    """The faults of nbd: the u-driver's and the k-driver's."""
    yield from (Kill(), Hang(), Crash("SIGSEGV"), Crash("SIGABRT"), Signal("SIGTERM"), Pause(), Slow())
    for region in ("heap", "stack", "data", "text"):
        yield Memory(region, draw.getrandbits(64), among="used" if region == "text" else "resident")
    yield from (Registers(draw=draw.getrandbits(64)), FdClosed(draw=draw.getrandbits(64)), MemoryLimit(), DiskFull())
    yield from (SyscallError("pwrite64", "EIO"), SyscallDelay("pwrite64", draw.randint(1, 500)))
    yield from of_code(draw, CODE)
    yield from (CallError(draw=draw.getrandbits(64)), CallDelay("sock_sendmsg", draw.randint(1, 50) * 1000))
    yield CallArgument("sock_sendmsg", 1, "bit_flip", draw=draw.getrandbits(64))


def of_the_channel(draw: random.Random) -> Iterator[Fault]:
    """The faults of the channel, in both directions."""
    for direction in ("request", "reply"):
        for action in TAMPERINGS:
            yield Channel(action, direction, nth=draw.randint(1, 20), draw=draw.getrandbits(64))


def of_8139cp(draw: random.Random) -> Iterator[Fault]:
    """The faults of 8139cp: the device's and the k-driver's."""
    yield from (Unbind(), Unplugged(), LinkDown(), DeadDevice(), DeadDevice(for_s=0.1))
    yield from (InterruptsLost(times=draw.randint(1, 10)), InterruptsHeld(for_s=0.3), InterruptsHeld())
    yield from (InterruptStorm(times=500, interval_us=50), DmaFlip(draw=draw.getrandbits(64)))
    yield from of_code(draw, (*CODE, *SENT_ONLY))
    yield from (CallError(draw=draw.getrandbits(64)), CallDelay("skb_put", draw.randint(1, 20) * 1000))
    yield CallArgument("skb_put", 2, "bit_flip", bits=8, draw=draw.getrandbits(64))


def of_code(draw: random.Random, types: tuple[str, ...]) -> Iterator[Fault]:
    """The faults of code: changed and skipped instructions, and damaged memory."""
    yield from (Text(kind, draw.getrandbits(64), among="executed") for kind in types)
    yield Skip(draw.getrandbits(64), among="executed")
    for region in ("stack", "heap"):
        yield KernelMemory(region, draw=draw.getrandbits(64), among="executed")
