"""The kernel's spinlocks without `pause`, so that a deadlocked guest ends soon.

At a `pause` QEMU leaves translated code, to give other processors a turn. The guest has one processor, so this only
slows a deadlocked spin loop, which runs until a watchdog ends it. A nop of the same length takes its place. It counts
as an instruction, too, so virtual time is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from capstone import CS_ARCH_X86, CS_MODE_64, Cs

from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.symbols import Symbol

SPINNING = ("native_queued_spin_lock_slowpath", "queued_read_lock_slowpath", "queued_write_lock_slowpath")
PAUSE, NOP = bytes.fromhex("f390"), bytes.fromhex("6690")


def remove_pauses(gdb: GdbStub, symbols: Iterable[Symbol]) -> list[int]:
    """Replace `pause` in the stopped guest's spinlocks; returns the addresses. `symbols`: functions, by address."""
    spans = ((at, after.address) for at, after in pairwise(symbols) if at.name in SPINNING and not at.module)
    found = [where for at, end in spans for where in pauses(gdb.read(at.address, end - at.address), at.address)]
    for where in found:
        gdb.write(where, NOP)
    return found


def pauses(code: bytes, start: int) -> Iterator[int]:
    """The addresses of each `pause` in code that is loaded at `start`."""
    for address, size, mnemonic, _ in Cs(CS_ARCH_X86, CS_MODE_64).disasm_lite(code, start):
        if mnemonic == "pause" and size == len(PAUSE):
            yield address
