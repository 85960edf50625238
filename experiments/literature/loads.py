"""The sets of faults that several of the published evaluations share, and the drivers that they go into."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from drivers.nbd import Nbd, VerifiedIO
from drivers.rtl8139 import Rtl8139, Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import AtRequest, ReloadKDriver, RestartBoth, Trial
from faultkit.kit import Fault
from injectors.kdriver.kernel_memory import KernelMemory
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process

MONITORS = (Process(), Modules(), Kernel())
LAST_REQUEST = 40  # the latest request at which faults go in, so that enough work follows


@dataclass(frozen=True, slots=True)
class Subject:
    """A driver under test: its golden trial, and the types of the Rio and Nooks injectors with a site that it runs."""

    golden: Trial
    types: tuple[str, ...]


ALWAYS = ("bit_flip", "nop", "source", "destination", "pointer", "deleted_branch", "inverted_branch", "loop",
          "off_by_one", "initialisation", "interface", "lock", "stack", "heap")  # fmt: skip

SUBJECTS: Mapping[str, Subject] = {
    "nbd": Subject(
        Trial(driver=Nbd(), workload=VerifiedIO(), policy=RestartBoth(), monitors=MONITORS, seed=0),
        ALWAYS,  # it neither allocates, frees nor copies while it serves
    ),
    "rtl8139": Subject(
        Trial(driver=Rtl8139(), workload=Transfers(), policy=ReloadKDriver(), monitors=MONITORS, seed=0),
        (*ALWAYS, "irq", "free", "allocation"),  # it copies nothing
    ),
}

TWIN = Subject(
    Trial(driver=Rtl8139Micro(), workload=Transfers(), policy=RestartBoth(), monitors=MONITORS, seed=0),
    ALWAYS,  # it frees and allocates at one site each, too few to draw from; the runtime restores interrupts for it
)
"""The split driver of the same chip as rtl8139's: what is left of it in the kernel."""

BESIDES: Mapping[str, Callable[[int], Fault]] = {
    "stack": lambda draw: KernelMemory("stack", draw=draw, among="executed"),
    "heap": lambda draw: KernelMemory("heap", draw=draw, among="executed"),
    "skip": lambda draw: Skip(draw, among="executed"),
}
"""Types that change no code."""


def fault(kind: str, draw: random.Random) -> Fault:
    """A fault of a type, at a site that a golden trial executes."""
    bits = draw.getrandbits(64)
    return BESIDES[kind](bits) if kind in BESIDES else Text(kind, bits, among="executed")


def goldens(draw: random.Random, subjects: Mapping[str, Subject] = SUBJECTS) -> Iterator[Trial]:
    """A golden trial per driver."""
    return (replace(subject.golden, seed=draw.getrandbits(32)) for subject in subjects.values())


def run_of(subject: Subject, draw: random.Random) -> Trial:
    """The golden trial with another workload seed, and a trigger for the caller's fault."""
    at = AtRequest(draw.randint(1, LAST_REQUEST))
    return replace(subject.golden, trigger=at, seed=draw.getrandbits(32))
