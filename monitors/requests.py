"""Requests to the driver's device: issue, completion, latency, error."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Kind, Watcher
from monitors.bpf import BpfProgram, records

SOURCE = Path(__file__).with_name("requests.bpf.c")
EVENT = struct.Struct("<QQQIiII")
BLOCK = (Kind.BLOCK_ISSUED, Kind.BLOCK_COMPLETED)  # by `kind` of a struct event
NET = (Kind.NET_ISSUED, Kind.NET_COMPLETED, Kind.NET_RECEIVED)


@dataclass(frozen=True, slots=True)
class Requests:
    """Block requests, or network packets, as the kernel issues and completes them.

    Reports to the recovery controller each block request that completed with an error.
    """

    def files(self) -> Mapping[str, Path]:
        return {f"monitors/{SOURCE.name}": SOURCE}

    def attach(self, driver: Driver) -> Watcher:
        node = Path("/dev") / driver.device
        if driver.device and node.is_block_device():
            number = node.stat().st_rdev
            return BlockRequests(SOURCE, DEV=os.major(number) << 20 | os.minor(number))
        return BpfProgram(SOURCE, IFACE=f"{int.from_bytes(driver.device.encode()[:7], 'little')}ULL")

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        del names
        return events(raw)


class BlockRequests(BpfProgram):
    """The watcher of block requests; a failed request is an error."""

    _told = 0

    def error(self) -> str | None:
        failed = self.counter("failed")
        new, self._told = failed - self._told, failed
        return f"{new} block requests failed" if new else None


def events(raw: bytes) -> Iterator[Event]:
    """`block.*` events by sector, `net.*` events by packet."""
    for record in records(raw):
        t_ns, ident, latency_ns, size, error, number, op = EVENT.unpack(record)
        kind = BLOCK[number] if op else NET[number]
        data = {"sector": ident, "bytes": size, "op": chr(op)} if op else {"packet": f"{ident:x}", "bytes": size}
        if kind in (Kind.BLOCK_COMPLETED, Kind.NET_COMPLETED):
            data |= {"latency_ns": latency_ns, "error": error}
        yield Event(t_ns, "requests", kind, data)
