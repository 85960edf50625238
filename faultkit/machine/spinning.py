"""The kernel's locks, made cheap to wait for: without `pause`.

At a `pause` QEMU leaves translated code, to give other processors a turn. A guest has but one, and who waits in it for
a lock that nobody will release (a fault left the unlock out) spins until a watchdog ends it. A nop of the same length
takes its place: an instruction all the same, so virtual time goes by as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from capstone import CS_ARCH_X86, CS_MODE_64, Cs

from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.symbols import Symbol

SPINNING = ("native_queued_spin_lock_slowpath", "queued_read_lock_slowpath", "queued_write_lock_slowpath")
PAUSE, NOP = bytes.fromhex("f390"), bytes.fromhex("6690")


def quicken(gdb: GdbStub, symbols: Iterable[Symbol]) -> list[int]:
    """Let the stopped guest's kernel spin fast; where it was changed. `symbols`: its functions, by address."""
    spans = ((at, after.address) for at, after in pairwise(symbols) if at.name in SPINNING and not at.module)
    found = [where for at, end in spans for where in pauses(gdb.read(at.address, end - at.address), at.address)]
    for where in found:
        gdb.write(where, NOP)
    return found


def pauses(code: bytes, start: int) -> Iterator[int]:
    """Where code that is loaded at `start` has a `pause`."""
    for address, size, mnemonic, _ in Cs(CS_ARCH_X86, CS_MODE_64).disasm_lite(code, start):
        if mnemonic == "pause" and size == len(PAUSE):
            yield address
