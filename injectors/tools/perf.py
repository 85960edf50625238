"""Perf events as witnesses of a thread's acts: hardware breakpoints and tracepoints (perf_event_open(2))."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Bench, Kind, NotPlaced, processor

PERF_TYPE_TRACEPOINT, PERF_TYPE_BREAKPOINT = 2, 5
READ_OR_WRITE, EXECUTE = 3, 4  # x86 cannot watch for reads alone
SAMPLE_TIME, INHERIT, USE_CLOCKID, CLOCK_MONOTONIC = 1 << 2, 1 << 1, 1 << 25, 1
SET_FILTER = 0x40082406  # PERF_EVENT_IOC_SET_FILTER
PERF_RECORD_SAMPLE = 9
HEAD_AT, TAIL_AT = 1024, 1032
ATTRIBUTES = struct.Struct("=IIQQQQQIIQQQQIi16x")  # struct perf_event_attr, its first 112 bytes
EVERYBODY = -1
CPU = 0  # the guest's only one; an inherited event that is read by mmap needs to name it
TRACING = Path("/sys/kernel/tracing/events")


@dataclass(frozen=True, slots=True)
class Watched:
    """An event that a thread is watched for."""

    kind: int
    number: int = 0  # of the tracepoint
    access: int = 0  # of a breakpoint
    address: int = 0
    size_bytes: int = 0
    condition: str = ""  # on a tracepoint's fields


def access(address: int) -> Watched:
    """A read or write of one byte, by the thread or by the kernel on its behalf."""
    return Watched(PERF_TYPE_BREAKPOINT, access=READ_OR_WRITE, address=address, size_bytes=1)


def execution(address: int) -> Watched:
    """The execution of the instruction that begins at an address."""
    return Watched(PERF_TYPE_BREAKPOINT, access=EXECUTE, address=address, size_bytes=8)


def tracepoint(name: str, condition: str = "") -> Watched:
    """A kernel tracepoint ("signal/signal_deliver"), with a condition on its fields."""
    number = int((TRACING / name / "id").read_text())
    return Watched(PERF_TYPE_TRACEPOINT, number, condition=f"{condition} && " if condition else "")


def failing_call(error: int) -> Watched:
    """A system call that returns this errno."""
    return tracepoint("raw_syscalls/sys_exit", f"ret == -{error}")


@contextmanager
def activated_by(bench: Bench, threads: Sequence[int], *watched: Watched) -> Iterator[int]:
    """Put the fault in here: "fault.activated" is reported, once, when one of the threads comes by from then on.

    Gives the time from which on it counts, just before the fault. Threads that are begun later are watched for
    breakpoints, not for tracepoints. Watches until the guest ends. Raises: NotPlaced.
    """
    fds = [fd for what in watched for fd in events(threads, what)]
    rings = {fd: Ring(mmap.mmap(fd, 2 * mmap.PAGESIZE)) for fd in fds}
    for ring in rings.values():
        ring.forget()
    since_ns = time.monotonic_ns()
    yield since_ns
    Witness(bench, rings, since_ns).start()


def events(threads: Sequence[int], watched: Watched) -> Iterator[int]:
    """The perf events for a witness: one per thread, or one for all threads for a tracepoint."""
    if watched.kind == PERF_TYPE_TRACEPOINT:
        condition = " || ".join(f"common_pid == {tid}" for tid in threads)
        fd = opened(EVERYBODY, watched)
        fcntl.ioctl(fd, SET_FILTER, f"{watched.condition}({condition})".encode() + b"\0")
        yield fd
        return
    for tid in threads:
        with suppress(ProcessLookupError):  # a thread may end meanwhile
            yield opened(tid, watched)


def opened(tid: int, watched: Watched) -> int:
    """A perf event that samples the time. Raises: ProcessLookupError if the thread is gone, NotPlaced."""
    attributes = ATTRIBUTES.pack(
        watched.kind, 112, watched.number, 1, SAMPLE_TIME, 0, USE_CLOCKID | INHERIT, 1, watched.access,
        watched.address, watched.size_bytes, 0, 0, 0, CLOCK_MONOTONIC,
    )  # fmt: skip
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    fd = int(syscall(processor.SYSTEM_CALLS["perf_event_open"], attributes, tid, CPU, -1, 0))
    if fd < 0 and ctypes.get_errno() == errno.ESRCH:
        raise ProcessLookupError(errno.ESRCH, f"thread {tid} is gone")
    if fd < 0:
        raise NotPlaced(f"thread {tid} cannot be watched: {os.strerror(ctypes.get_errno())}")
    return fd


@dataclass(frozen=True, slots=True)
class Ring:
    """The ring buffer of a perf event (struct perf_event_mmap_page, and a page of records)."""

    pages: mmap.mmap

    def forget(self) -> None:
        """Mark all events so far as read."""
        struct.pack_into("=Q", self.pages, TAIL_AT, self.position(HEAD_AT))

    def position(self, at: int) -> int:
        """A position in the ring: the kernel's for writing, or ours for reading."""
        return int(struct.unpack_from("=Q", self.pages, at)[0])

    def times_ns(self) -> Iterator[int]:
        """The times of the samples that are not forgotten."""
        at, end = self.position(TAIL_AT), self.position(HEAD_AT)
        while at < end:
            kind, _, size = struct.unpack_from("=IHH", self.pages, mmap.PAGESIZE + at % mmap.PAGESIZE)
            if kind == PERF_RECORD_SAMPLE:
                yield struct.unpack_from("=Q", self.pages, mmap.PAGESIZE + (at + 8) % mmap.PAGESIZE)[0]
            at += size


@dataclass(frozen=True, slots=True)
class Witness:
    """Perf events with their ring buffers, behind one descriptor that the bench watches."""

    bench: Bench
    rings: dict[int, Ring]
    since_ns: int

    def start(self) -> None:
        """Watch all events, unless one has a sample already: a perf event signals its samples only once (poll)."""
        ready = select.epoll()
        for fd in self.rings:
            ready.register(fd, select.EPOLLIN)
        if not self.has_reported():
            self.bench.watch(ready.fileno(), lambda: self.look(ready))

    def look(self, ready: select.epoll) -> None:
        """Handle a signal of the events: a sample, or the end of a thread."""
        ended = [fd for fd, what in ready.poll(0) if what & select.EPOLLHUP]
        if not self.has_reported():
            self.close(ended)
        if not self.rings:
            self.bench.unwatch(ready.fileno())
            ready.close()

    def has_reported(self) -> bool:
        """Report the earliest sample, if there is one, and be done."""
        times = [t_ns for ring in self.rings.values() for t_ns in ring.times_ns() if t_ns >= self.since_ns]
        if times:
            self.bench.report("injector", Kind.FAULT_ACTIVATED, min(times))
            self.close(list(self.rings))
        return bool(times)

    def close(self, fds: list[int]) -> None:
        """Close all events."""
        for fd in fds:
            del self.rings[fd]
            os.close(fd)
