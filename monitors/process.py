"""The u-driver's life: start, signals, exit."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Kind, Split, Watcher
from monitors.bpf import BpfProgram, records
from monitors.btf import offset_of

SOURCE = Path(__file__).with_suffix(".bpf.c")
EVENT = struct.Struct("<QIIiI")
STARTED, EXITED, SIGNALLED = range(3)


@dataclass(frozen=True, slots=True)
class Process:
    """Starts, signals and exits of processes with the u-driver's name; nothing for a driver without a u-driver."""

    def files(self) -> Mapping[str, Path]:
        return {f"monitors/{SOURCE.name}": SOURCE}

    def attach(self, driver: Driver) -> Watcher:
        name = driver.udriver if isinstance(driver, Split) else ""
        low, high = struct.unpack("<QQ", name.encode()[:15].ljust(16, b"\0"))
        exit_code = offset_of("task_struct", "exit_code")
        return BpfProgram(SOURCE, COMM_0=f"{low}ULL", COMM_1=f"{high}ULL", EXIT_CODE=exit_code)

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        del names
        return events(raw)


def events(raw: bytes) -> Iterator[Event]:
    """`udriver.started`, `udriver.signalled` with the signal, `udriver.exited` with its status or signal."""
    for record in records(raw):
        t_ns, kind, pid, value, _ = EVENT.unpack(record)
        if kind == STARTED:
            yield Event(t_ns, "process", Kind.UDRIVER_STARTED, {"pid": pid})
        elif kind == SIGNALLED:
            yield Event(t_ns, "process", Kind.UDRIVER_SIGNALLED, {"pid": pid, "signal": value})
        else:
            data = {"pid": pid, "status": value >> 8 & 0xFF, "signal": value & 0x7F}
            yield Event(t_ns, "process", Kind.UDRIVER_EXITED, data)
