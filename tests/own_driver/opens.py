"""A monitor of one's own: opens of miscellaneous character devices, by a bcc program."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Watcher
from monitors.bpf import BpfProgram, records

SOURCE = Path(__file__).with_name("opens.bpf.c")
EVENT = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Opens:
    """Every open of a miscellaneous character device, with the process that opens it."""

    def files(self) -> Mapping[str, Path]:
        return {SOURCE.name: SOURCE}  # beside this module in the guest, too

    def attach(self, driver: Driver) -> Watcher:
        program = BpfProgram(SOURCE)
        if not program.on_function("misc_open", "opens_on_open"):
            raise OSError("misc_open() cannot be probed")
        return program

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        for t_ns, pid in map(EVENT.unpack, records(raw)):
            yield Event(t_ns, "opens", "device.opened", {"pid": pid})
