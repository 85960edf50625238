"""A bit of the u-driver's memory flips."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from faultkit.errors import NotPlaced
from faultkit.protocols import Bench, Side
from injectors.udriver import pid_of

PERF_EVENT_OPEN = 298  # x86-64
PERF_TYPE_BREAKPOINT, PERF_SAMPLE_TIME, READ_OR_WRITE = 5, 1 << 2, 3
USE_CLOCKID, CLOCK_MONOTONIC = 1 << 25, 1
PERF_RECORD_SAMPLE = 9
PRESENT = 1 << 63
ATTRIBUTES = struct.Struct("=IIQQQQQIIQQQQIi16x")  # struct perf_event_attr, its first 112 bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """One bit of the u-driver's "heap", "stack" or "data" flips, through /proc/PID/mem.

    data: what the program and its libraries keep in writable mappings of their files. stack: of each thread, from
    its stack pointer up. heap: all other anonymous memory. Only pages that are in RAM: nothing lies in the others.
    `draw` (64 random bits) picks, uniformly, one of the region's bits. Activation: the first access to the byte
    by any thread of the u-driver, or by the kernel on its behalf, seen by a hardware breakpoint. x86 cannot
    watch for reads alone: an access that overwrites the byte unread counts, too.
    Undo: none: the bit stays flipped, and the last check may be what comes upon it.
    """

    side: ClassVar[Side] = "u-driver"

    region: str
    draw: int = 0

    @property
    def fault_type(self) -> str:
        return f"memory: {self.region}"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        address, bit = pick(regions(pid, self.region), self.draw)
        old, new = flip(pid, address, bit)
        bench.report("injector", "fault.injected", region=self.region, address=f"{address:#x}", old=old, new=new)
        for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
            with suppress(ProcessLookupError):  # a thread may end meanwhile
                watch(bench, int(task.name), address)
        yield


@dataclass(frozen=True, slots=True)
class Mapping:
    """A writable mapping of a process, as /proc/PID/maps has it."""

    low: int
    high: int
    name: str


def regions(pid: int, name: str) -> list[tuple[int, int]]:
    """The address ranges in RAM that make up a region. Raises: NotPlaced if there are none."""
    kinds = {"data": data_ranges, "stack": stack_ranges, "heap": heap_ranges}
    if name not in kinds:
        raise NotPlaced(f"a u-driver has no memory region {name!r}: there are {', '.join(kinds)}")
    lines = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    mappings = [mapping_of(fields) for fields in lines if fields[1].startswith("rw")]
    found = resident(pid, kinds[name](mappings, stack_pointers(pid)))
    if not found:
        raise NotPlaced(f"process {pid} has no {name} in RAM")
    return found


def mapping_of(fields: list[str]) -> Mapping:
    """A line of /proc/PID/maps."""
    low, high = fields[0].split("-")
    return Mapping(int(low, 16), int(high, 16), fields[5] if len(fields) == 6 else "")


def data_ranges(mappings: list[Mapping], pointers: list[int]) -> list[tuple[int, int]]:
    """Writable mappings of files."""
    del pointers
    return [(m.low, m.high) for m in mappings if m.name.startswith("/")]


def stack_ranges(mappings: list[Mapping], pointers: list[int]) -> list[tuple[int, int]]:
    """From each stack pointer to the end of the mapping that it points into."""
    return [(sp, m.high) for m in mappings for sp in pointers if m.low <= sp < m.high]


def heap_ranges(mappings: list[Mapping], pointers: list[int]) -> list[tuple[int, int]]:
    """Anonymous mappings that are no thread's stack."""
    own = [m for m in mappings if m.name in ("", "[heap]")]
    return [(m.low, m.high) for m in own if not any(m.low <= sp < m.high for sp in pointers)]


def stack_pointers(pid: int) -> list[int]:
    """Where each thread's stack ends, of those that wait in the kernel (proc(5), /proc/PID/syscall)."""
    calls = [(task / "syscall").read_text().split() for task in sorted(Path(f"/proc/{pid}/task").iterdir())]
    return [int(call[-2], 16) for call in calls if len(call) > 2]


def resident(pid: int, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of address ranges that are in RAM (Documentation/admin-guide/mm/pagemap.rst)."""
    found = []
    with Path(f"/proc/{pid}/pagemap").open("rb") as pagemap:
        for low, high in ranges:
            first, last = low // mmap.PAGESIZE, -(-high // mmap.PAGESIZE)
            pagemap.seek(8 * first)
            entries = struct.unpack(f"<{last - first}Q", pagemap.read(8 * (last - first)))
            pages = [first + n for n, entry in enumerate(entries) if entry & PRESENT]
            found += [(max(low, p * mmap.PAGESIZE), min(high, (p + 1) * mmap.PAGESIZE)) for p in pages]
    return found


def pick(ranges: list[tuple[int, int]], draw: int) -> tuple[int, int]:
    """One bit of the ranges, uniformly: its byte's address and its number in it."""
    size = sum(high - low for low, high in ranges)
    at, bit = divmod(random.Random(draw).randrange(8 * size), 8)
    for low, high in ranges:
        if at < high - low:
            return low + at, bit
        at -= high - low
    raise AssertionError("the draw lies within the ranges")


def flip(pid: int, address: int, bit: int) -> tuple[int, int]:
    """Flip a bit of another process' memory and see that it is flipped; the byte before and after."""
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    try:
        old = os.pread(memory, 1, address)[0]
        os.pwrite(memory, bytes([old ^ 1 << bit]), address)
        new = os.pread(memory, 1, address)[0]
    except OSError as reason:
        raise NotPlaced(f"process {pid}'s memory at {address:#x} cannot be changed: {reason.strerror}") from None
    finally:
        os.close(memory)
    if new != old ^ 1 << bit:
        raise NotPlaced(f"process {pid} changed {address:#x} while the bit was being flipped")
    return old, new


def watch(bench: Bench, tid: int, address: int) -> None:
    """Report "fault.activated" at a thread's first access to a byte."""
    fd = breakpoint_of(tid, address)
    ring = mmap.mmap(fd, 2 * mmap.PAGESIZE)
    bench.watch(fd, partial(witness, bench, ring, fd))


def breakpoint_of(tid: int, address: int) -> int:
    """A perf event that samples the time of each access (perf_event_open(2)).

    Raises: ProcessLookupError if the thread is gone, NotPlaced.
    """
    attributes = ATTRIBUTES.pack(
        PERF_TYPE_BREAKPOINT, 112, 0, 1, PERF_SAMPLE_TIME, 0, USE_CLOCKID, 1, READ_OR_WRITE, address, 1, 0, 0, 0,
        CLOCK_MONOTONIC,
    )  # fmt: skip
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    fd = int(syscall(PERF_EVENT_OPEN, attributes, tid, -1, -1, 0))
    if fd < 0 and ctypes.get_errno() == errno.ESRCH:
        raise ProcessLookupError(errno.ESRCH, f"thread {tid} is gone")
    if fd < 0:
        raise NotPlaced(f"no breakpoint on thread {tid}: {os.strerror(ctypes.get_errno())}")
    return fd


def witness(bench: Bench, ring: mmap.mmap, fd: int) -> None:
    """Report the first sample in a perf ring buffer, if that is what woke us and not the end of the thread."""
    kind, _, _, t_ns = struct.unpack_from("=IHHQ", ring, mmap.PAGESIZE)
    if kind == PERF_RECORD_SAMPLE:
        bench.report("injector", "fault.activated", t_ns)
    bench.unwatch(fd)
    os.close(fd)
