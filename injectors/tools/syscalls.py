"""Arming the kernel module that tampers with the system calls of a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faultkit.kit import Bench, KernelModule, Kind, NotPlaced
from injectors.tools.udriver import pid_of
from injectors.tools.witness import activations

NODE = "/dev/faultkit_syscalls"
MODULE = KernelModule(Path(__file__).parents[1] / "kmod" / "syscalls", "faultkit_syscalls")
FILES = {"preload/faultkit_syscalls.ko": MODULE}


@contextmanager
def tamper(bench: Bench, call: str, nth: int, times: int, how: str, value: int) -> Iterator[None]:
    """The u-driver's calls of `call`, by whatever thread, from the n-th on, `times` in all, fail or return late.

    Activation: each call that was tampered with, with the kernel's own time stamp. Disarmed on exit.
    """
    pid = pid_of(bench)
    try:
        fd = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as reason:
        raise NotPlaced(f"system calls cannot be tampered with: {reason}") from None
    try:
        os.write(fd, f"{call} {pid} {nth} {times} {how} {value}".encode())
    except OSError as reason:
        os.close(fd)
        raise NotPlaced(f"the system call {call!r} cannot be probed: {reason.strerror}") from None
    bench.report("injector", Kind.FAULT_INJECTED, pid=pid, call=call, nth=nth, times=times, **{how: value})
    with activations(bench, fd):
        yield
