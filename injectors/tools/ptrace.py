"""Stopping a thread of another process, and changing what it does next (ptrace(2))."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from faultkit.kit import NotPlaced, processor
from injectors.tools.udriver import threads_of

CONT, DETACH, SYSCALL, GETREGSET, SETREGSET, SEIZE, INTERRUPT = 7, 17, 24, 0x4204, 0x4205, 0x4206, 0x4207
NT_PRSTATUS = 1
WALL = 0x40000000  # waitpid() for threads of others, too
LAYOUT = struct.Struct(f"={len(processor.USER_REGISTERS)}Q")
NO_CALL = (1 << 64) - 1
TO_RESTART = frozenset((1 << 64) - error for error in (512, 513, 514, 516))  # ERESTARTSYS and its like, linux/errno.h
ERRORS_FROM = (1 << 64) - 4095  # such results are negative errnos

RegisterValues = dict[str, int]


@contextmanager
def stopped_thread(tid: int) -> Iterator[None]:
    """The thread stands still and can be changed; it runs on afterwards. Raises: OSError if it is gone.

    Stopping interrupts the system call that it waits in; when it runs on the call is made again, by itself, except
    for those of signal(7) that are "never restarted".
    """
    ptrace(SEIZE, tid, 0, 0)
    ptrace(INTERRUPT, tid, 0, 0)
    await_stop(tid)
    try:
        yield
    finally:
        ptrace(DETACH, tid, 0, 0)


def ptrace(request: int, tid: int, address: int, data: int) -> None:
    """Make a request of ptrace(2). Raises: OSError."""
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes, call.restype = [ctypes.c_long, ctypes.c_long, ctypes.c_ulong, ctypes.c_ulong], ctypes.c_long
    if call(request, tid, address, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"thread {tid} cannot be traced: {os.strerror(error)}")


def await_stop(tid: int) -> int:
    """The signal that it stopped with. Raises: ProcessLookupError if it ended instead."""
    _, status = os.waitpid(tid, WALL)
    if not os.WIFSTOPPED(status):
        raise ProcessLookupError(f"thread {tid} ended")
    return os.WSTOPSIG(status)


def registers(tid: int) -> RegisterValues:
    """The registers of a stopped thread."""
    room = ctypes.create_string_buffer(LAYOUT.size)
    transfer(GETREGSET, tid, room)
    return dict(zip(processor.USER_REGISTERS, LAYOUT.unpack(room.raw), strict=True))


def set_registers(tid: int, values: RegisterValues) -> None:
    """Change the registers of a stopped thread. Raises: OSError if the kernel does not accept them."""
    transfer(
        SETREGSET, tid, ctypes.create_string_buffer(LAYOUT.pack(*(values[name] for name in processor.USER_REGISTERS)))
    )


def transfer(request: int, tid: int, room: ctypes.Array[ctypes.c_char]) -> None:
    """Registers from or to a buffer, by way of a struct iovec."""
    vector = (ctypes.c_ulong * 2)(ctypes.addressof(room), LAYOUT.size)
    ptrace(request, tid, NT_PRSTATUS, ctypes.addressof(vector))


def waits_in_call(values: RegisterValues) -> bool:
    """True if the stop has interrupted a system call that will be made again."""
    return values[processor.SYSTEM_CALL_NUMBER] != NO_CALL and values[processor.SYSTEM_CALL_RESULT] in TO_RESTART


def before_call(values: RegisterValues) -> RegisterValues:
    """The registers just before the instruction that made the interrupted call."""
    return values | {
        processor.PROGRAM_COUNTER: values[processor.PROGRAM_COUNTER] - processor.SYSTEM_CALL_BYTES,
        processor.SYSTEM_CALL_RESULT: values[processor.SYSTEM_CALL_NUMBER],
        processor.SYSTEM_CALL_NUMBER: NO_CALL,
    }


def call_in(pid: int, name: str, *arguments: int) -> int:
    """Have a thread of the process that waits in a system call make another one, `name`, meanwhile; its result.

    Raises: NotPlaced if no thread waits in one, OSError with the errno that the call gave.
    """
    for tid in threads_of(pid):
        with stopped_thread(tid):
            before = registers(tid)
            if not waits_in_call(before):
                continue
            given = dict(zip(processor.SYSTEM_CALL_ARGUMENTS, arguments, strict=False))
            set_registers(
                tid, before_call(before) | {processor.SYSTEM_CALL_RESULT: processor.SYSTEM_CALLS[name]} | given
            )
            step_over_call(tid)
            result = registers(tid)[processor.SYSTEM_CALL_RESULT]
            set_registers(tid, before_call(before))
        if result >= ERRORS_FROM:
            error = (1 << 64) - result
            raise OSError(error, os.strerror(error))
        return result
    raise NotPlaced(f"no thread of process {pid} waits in a system call")


def step_over_call(tid: int) -> None:
    """Let a stopped thread run to its next system call, and to that call's end. Raises: NotPlaced."""
    for _ in ("entry", "exit"):
        ptrace(SYSCALL, tid, 0, 0)
        if (number := await_stop(tid)) != signal.SIGTRAP:
            raise NotPlaced(f"thread {tid} got signal {number} instead of making a call")
