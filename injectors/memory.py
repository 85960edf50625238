"""A bit of the u-driver's memory flips."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import random
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faultkit.errors import NotPlaced
from faultkit.protocols import Bench
from injectors.udriver import pid_of

PERF_EVENT_OPEN = 298  # x86-64
PERF_TYPE_BREAKPOINT, PERF_SAMPLE_TIME, READ_OR_WRITE = 5, 1 << 2, 3
USE_CLOCKID, CLOCK_MONOTONIC = 1 << 25, 1
PERF_RECORD_SAMPLE = 9
PERF_EVENT_IOC_DISABLE = 0x2401
HEAD, TAIL = 1024, 1032  # of struct perf_event_mmap_page
ATTRIBUTES = struct.Struct("=IIQQQQQIIQQQQIi16x")  # struct perf_event_attr, its first 112 bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """One bit of the u-driver's "heap", "stack" or "data" flips, through /proc/PID/mem.

    `draw` (64 random bits) picks, uniformly, one of the region's bits. Activation: the first access to the byte
    by any thread of the u-driver, or by the kernel on its behalf, seen by a hardware breakpoint. x86 cannot
    watch for reads alone: an access that overwrites the byte unread counts, too.
    Undo: the breakpoints go; the bit stays flipped.
    """

    region: str
    draw: int = 0

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        address, bit = pick(regions(pid, self.region), self.draw)
        with ExitStack() as undo:
            old, new = flip(pid, address, bit)
            bench.report("injector", "fault.injected", region=self.region, address=f"{address:#x}", old=old, new=new)
            for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
                undo.enter_context(watched(bench, int(task.name), address))
            yield


def regions(pid: int, name: str) -> list[tuple[int, int]]:
    """The writable mappings that make up a region, as address ranges. Raises: NotPlaced if there are none."""
    maps = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    program = os.readlink(f"/proc/{pid}/exe")
    labels = {"heap": "[heap]", "stack": "[stack]", "data": program}
    if name not in labels:
        raise NotPlaced(f"a u-driver has no memory region {name!r}: there are {', '.join(labels)}")
    label = labels[name]
    found = [m[0].split("-") for m in maps if m[1].startswith("rw") and len(m) == 6 and m[5] == label]
    if not found:
        raise NotPlaced(f"process {pid} has no {name} that can be written")
    return [(int(low, 16), int(high, 16)) for low, high in found]


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


@contextmanager
def watched(bench: Bench, tid: int, address: int) -> Iterator[None]:
    """Report "fault.activated" at a thread's first access to a byte."""
    fd = breakpoint_of(tid, address)
    ring = mmap.mmap(fd, 2 * mmap.PAGESIZE)
    bench.watch(fd, partial(witness, bench, ring, fd))
    try:
        yield
    finally:
        bench.unwatch(fd)
        os.close(fd)


def breakpoint_of(tid: int, address: int) -> int:
    """A perf event that samples the time of each access (perf_event_open(2)). Raises: NotPlaced."""
    attributes = ATTRIBUTES.pack(
        PERF_TYPE_BREAKPOINT, 112, 0, 1, PERF_SAMPLE_TIME, 0, USE_CLOCKID, 1, READ_OR_WRITE, address, 1, 0, 0, 0,
        CLOCK_MONOTONIC,
    )  # fmt: skip
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    fd = int(syscall(PERF_EVENT_OPEN, attributes, tid, -1, -1, 0))
    if fd < 0:
        raise NotPlaced(f"no breakpoint on thread {tid}: {errno.errorcode.get(ctypes.get_errno(), '?')}")
    return fd


def witness(bench: Bench, ring: mmap.mmap, fd: int) -> None:
    """Report the first sample in a perf ring buffer, then take no more."""
    kind, _, _, t_ns = struct.unpack_from("=IHHQ", ring, mmap.PAGESIZE)
    if kind == PERF_RECORD_SAMPLE:
        fcntl.ioctl(fd, PERF_EVENT_IOC_DISABLE)
        struct.pack_into("=Q", ring, TAIL, *struct.unpack_from("=Q", ring, HEAD))  # all is read
        bench.report("injector", "fault.activated", t_ns)
