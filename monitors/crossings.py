"""Messages between the halves of microdrivers: calls, answers, latency."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Kind, Watcher
from monitors.bpf import BpfProgram, records

SOURCE = Path(__file__).with_suffix(".bpf.c")
RUNTIME = Path("/sys/module/microdriver")
EVENT = struct.Struct("<QQIIIi24s24s")
DIRECTIONS = ("", "upcall", "return", "downcall", "result")  # enum mdrv_kind of microdriver.h


@dataclass(frozen=True, slots=True)
class Crossings:
    """Messages between k-drivers and u-drivers on the microdriver runtime, and how long each upcall took.

    Follows u-drivers and k-drivers that are replaced: the runtime's module stays. A message is seen as it was sent,
    also if a fault meets it then.
    """

    def files(self) -> Mapping[str, Path]:
        return {f"monitors/{SOURCE.name}": SOURCE}

    def attach(self, driver: Driver) -> Watcher:
        if not RUNTIME.exists():
            raise OSError(f"{type(driver).__name__} is not on the microdriver runtime: it has no crossings to see")
        return BpfProgram(SOURCE)

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        del names
        return events(raw)


def events(raw: bytes) -> Iterator[Event]:
    """`crossing.passed`, by call and direction, and `upcall.ended`, with its latency."""
    for record in records(raw):
        t_ns, latency_ns, kind, seq, size, status, *names = EVENT.unpack(record)
        instance, call = (name.partition(b"\0")[0].decode(errors="replace") for name in names)
        data = {"instance": instance, "call": call, "seq": seq, "status": status}
        if kind:
            data |= {"direction": DIRECTIONS[kind], "bytes": size}
            yield Event(t_ns, "crossings", Kind.CROSSING_PASSED, data)
        else:
            yield Event(t_ns, "crossings", Kind.UPCALL_ENDED, data | {"latency_ns": latency_ns})
