"""A process that has one of the bugs: `python -m tests.buggy KIND`. It prints what the function returned, if it did."""

from __future__ import annotations

import ctypes
import mmap
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from injectors.tools.bug_code import MOST_BYTES, bug_code

LAST_S = 1
RETURN_SECOND = bytes.fromhex("4889f0 c3")  # mov rax, rsi; ret


@dataclass(frozen=True, slots=True)
class Buggy:
    """A function that begins with a bug, and returns its second argument; and the memory that it lies in."""

    function: Callable[[int, int], int]
    room: mmap.mmap

    def __call__(self, pointer: int, number: int) -> int:
        return self.function(pointer, number)


def function_with(kind: str, draw: int = 0) -> Buggy:
    """Such a function."""
    room = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    at = ctypes.addressof(ctypes.c_char.from_buffer(room))
    own = ctypes.CDLL(None)
    allocate, free = (ctypes.cast(getattr(own, name), ctypes.c_void_p).value or 0 for name in ("malloc", "free"))
    room[:MOST_BYTES] = bug_code(kind, at + MOST_BYTES, draw, allocate, free).ljust(MOST_BYTES, b"\xcc")
    room[MOST_BYTES : MOST_BYTES + len(RETURN_SECOND)] = RETURN_SECOND
    return Buggy(ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_long)(at), room)


if __name__ == "__main__":
    signal.alarm(LAST_S)
    print(function_with(sys.argv[1])(0, 1))
