"""The kernel's spinlocks without `pause`, so that a deadlocked guest ends soon.

At a `pause` QEMU leaves translated code, to give other processors a turn. The guest has one processor, so this only
slows a deadlocked spin loop, which runs until a watchdog ends it. A nop of the same length takes its place. It counts
as an instruction, too, so virtual time is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from faultkit.machine.decoder import instructions
from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.symbols import Symbol
from faultkit.model.processor import PAUSE, PAUSE_AS_NOP

SPINNING = ("native_queued_spin_lock_slowpath", "queued_read_lock_slowpath", "queued_write_lock_slowpath")


def remove_pauses(gdb: GdbStub, symbols: Iterable[Symbol]) -> list[int]:
    """Replace `pause` in the stopped guest's spinlocks; returns the addresses. `symbols`: functions, by address."""
    spans = ((at, after.address) for at, after in pairwise(symbols) if at.name in SPINNING and not at.module)
    found = [where for at, end in spans for where in pauses(gdb.read(at.address, end - at.address), at.address)]
    for where in found:
        gdb.write(where, PAUSE_AS_NOP)
    return found


def pauses(code: bytes, start: int) -> Iterator[int]:
    """The addresses of each `pause` in code that is loaded at `start`."""
    for address, size, mnemonic, _ in instructions(code, start):
        if mnemonic == "pause" and size == len(PAUSE):
            yield address
