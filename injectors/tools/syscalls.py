"""Arming the kernel module that tampers with the system calls of a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Kind, NotPlaced
from injectors.tools.arming import armed, fault_module, shipped
from injectors.tools.driver_code import nearest
from injectors.tools.syscall_names import NAMES, RENAMED, kernel_name
from injectors.tools.udriver import pid_of
from injectors.tools.witness import activations

MODULE = fault_module("syscalls")
FILES = shipped(MODULE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyscallsOrder:
    """The words that arm injectors/kmod/syscalls."""

    fault: ClassVar[str] = "syscalls"

    call: str
    pid: int
    nth: int
    times: int
    how: str
    value: int  # an error number, or microseconds


def check_call(call: str, nth: int, times: int) -> None:
    """Refuse a call that is none, and numbers that mean nothing. Raises: NotPlaced with the nearest names."""
    if call not in NAMES and call not in RENAMED.values():
        near = nearest(call, NAMES) or ": a name is like pread64, see syscalls(2)"
        raise NotPlaced(f"there is no system call {call!r}{near}")
    if nth < 1 or times < 0:
        raise NotPlaced(f"nth={nth}, times={times} of a system call mean nothing: from the first (1) on, 0 for ever")


@contextmanager
def tamper_with_syscalls(bench: Bench, call: str, nth: int, times: int, how: str, value: int) -> Iterator[None]:
    """Make the u-driver's calls of `call`, in any thread, fail or return late: from the n-th on, `times` in all.

    Activation: each call that was tampered with, with the kernel's own time stamp. Disarmed on exit.
    """
    pid = pid_of(bench)
    order = SyscallsOrder(call=kernel_name(call), pid=pid, nth=nth, times=times, how=how, value=value)
    fd = armed(order, f"the system call {call!r}")
    bench.report("injector", Kind.FAULT_INJECTED, pid=pid, call=call, nth=nth, times=times, **{how: value})
    with activations(bench, fd):
        yield
