"""Kernel modules: load and unload."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Kind, Watcher
from monitors.bpf import BpfProgram, records

SOURCE = Path(__file__).with_suffix(".bpf.c")
EVENT = struct.Struct("<QQ32s")


@dataclass(frozen=True, slots=True)
class Modules:
    """Loads and unloads of all kernel modules, the k-driver's among them."""

    def files(self) -> Mapping[str, Path]:
        return {f"monitors/{SOURCE.name}": SOURCE}

    def attach(self, driver: Driver) -> Watcher:
        del driver
        return BpfProgram(SOURCE)

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        del names
        return events(raw)


def events(raw: bytes) -> Iterator[Event]:
    """`module.loaded` and `module.unloaded`, by name."""
    for record in records(raw):
        t_ns, loaded, name = EVENT.unpack(record)
        kind = Kind.MODULE_LOADED if loaded else Kind.MODULE_UNLOADED
        yield Event(t_ns, "modules", kind, {"name": name.partition(b"\0")[0].decode(errors="replace")})
