"""Parts and records for tests: plain stand-ins for drivers, workloads, faults and monitors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from faultkit.model.code import Site
from faultkit.model.events import Ending, Event
from faultkit.model.parts import Bench, Check, Side
from faultkit.model.policies import RestartUDriver
from faultkit.model.trial import Record, Trial
from faultkit.model.triggers import AtRequest
from faultkit.store.store import Row
from faultkit.verdict.judge import Verdict

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rtl8139:
    """A driver without a u-driver."""

    modules: tuple[str, ...] = ("8139cp",)
    device: str = "rtl0"
    qemu_devices: tuple[str, ...] = ()

    def load(self) -> None: ...
    def unload(self) -> None: ...
    def attach(self) -> None: ...
    def detach(self) -> None: ...
    def probe(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Nbd(Rtl8139):
    """A driver with a u-driver."""

    modules: tuple[str, ...] = ("nbd",)
    device: str = "nbd0"
    udriver: str = "nbdkit"

    def udriver_pid(self) -> int:
        return 1

    def start_udriver(self) -> None: ...
    def stop_udriver(self) -> None: ...
    def reattach(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Writes:
    """A workload whose requests are late after a second."""

    deadline_s: float = 30.0
    late_s: float = 1.0

    def run(self, bench: Bench) -> Check:
        return lambda: None


@dataclass(frozen=True, slots=True)
class Kill:
    """A fault without a site."""

    side: ClassVar[Side] = "u-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Hang(Kill):
    """Another."""


@dataclass(frozen=True, slots=True)
class CallError(Kill):
    """A fault at a function."""

    function: str = "nbd_queue_rq"
    error: str = "ENOMEM"


@dataclass(frozen=True, slots=True)
class Text(Kill):
    """A fault in a function's code."""

    function: str = "cp_start_xmit"
    bit: int = 3


@dataclass(frozen=True, slots=True)
class Typed(Kill):
    """A fault of the kernel half whose class covers several types."""

    side: ClassVar[Side] = "k-driver"

    operator: str = "nop"
    function: str | None = None
    site: Site | None = None

    @property
    def fault_type(self) -> str:
        return f"typed: {self.operator}"


@dataclass(frozen=True, slots=True)
class Both(Kill):
    """Several faults in one."""

    faults: tuple[Any, ...] = ()

    def made_of(self, faults: tuple[Any, ...]) -> Both:
        return Both(faults)


def at(ms: float, kind: str, source: str = "test", /, **data: Any) -> Event:
    """An event `ms` virtual milliseconds after the trial began."""
    return Event(round(ms * MS), source, kind, data)


def a_trial(**parts: Any) -> Trial:
    """A kill under verified writes, answered by a restart; `parts` replace what is to differ."""
    plain = Trial(driver=Nbd(), workload=Writes(), policy=RestartUDriver(), seed=1, fault=Kill(), trigger=AtRequest(3))
    return replace(plain, **parts)


def a_record(
    *events: Event, ending: Ending = Ending.FINISHED, trial: Trial | None = None, console: str = "", **parts: Any
) -> Record:
    """The record of a trial in which `events` happened."""
    return Record(trial=trial or a_trial(**parts), ending=ending, events=events, console=console)


def a_row(n: int, *events: Event, void: str | None = None, **parts: Any) -> Row:
    """Trial `n` on its way into a store: void for a reason, or with a record of `events`."""
    record = a_record(*events, **parts)
    return Row(
        n=n,
        trial=record.trial,
        template="t1",
        attempts=3 if void else 1,
        record=None if void else record,
        void=void,
    )


def a_golden_row(n: int, *events: Event) -> Row:
    """A trial without a fault on its way into a store."""
    return a_row(n, *events, fault=None, trigger=None)


RESTORED = (
    at(10, "fault.injected"),
    at(11, "fault.activated"),
    at(12, "error.detected", by="pidfd", what="the u-driver died"),
    at(12, "recovery.started", action="restart", attempt=1),
    at(40, "recovery.finished", action="restart", ok=True, error=None),
    at(40, "service.restored"),
)

EVENTS_OF: Mapping[str, tuple[Event, ...]] = {
    "INACTIVE": (at(10, "fault.injected"),),
    "MASKED": RESTORED[:2],
    "RECOVERED": RESTORED,
    "DISRUPTED": (*RESTORED, at(41, "request.failed", n=3, op="write", error="EIO", latency_ns=MS)),
    "LOST": (*RESTORED[:4], at(50, "recovery.gave_up")),
    "HUNG": (*RESTORED[:4], at(9000, "request.stuck", n=3, op="write", age_ns=8000 * MS)),
    "CRASHED": (*RESTORED[:2], at(12, "kernel.oops", what="oops", function="nbd_queue_rq", offset="0x4", text="BUG")),
    "CORRUPT": (*RESTORED, at(55, "read.mismatched", n=9, block=7)),
}

# The outcomes of campaigns that tests make up: their figures stay when there is one more outcome.
USUAL = {
    name: EVENTS_OF[name]
    for name in ("INACTIVE", "MASKED", "RECOVERED", "DISRUPTED", "LOST", "HUNG", "CRASHED", "CORRUPT")
}


class Silence:
    """A listener that says nothing."""

    def preparing(self, driver: str) -> None: ...
    def started(self, planned: int, done: int) -> None: ...
    def stored(self, row: Row, verdict: Verdict | None) -> None: ...
