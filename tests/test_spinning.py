"""Kernels that spin without `pause`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.spinning import SPINNING, remove_pauses
from faultkit.machine.symbols import Symbol
from faultkit.model.processor import PAUSE, PAUSE_AS_NOP

START = 0xFFFFFFFF81000000
LOOP = PAUSE + bytes.fromhex("ebfc")  # and a jump back to it
NO_PAUSE = b"\xb8" + PAUSE + bytes(2)  # mov eax, 0x90f3
REPEATED = bytes.fromhex("f348ab")  # rep stosq


@dataclass
class Memory:
    """Memory as a debugger sees it."""

    data: bytearray

    def read(self, address: int, count: int) -> bytes:
        return bytes(self.data[address - START : address - START + count])

    def write(self, address: int, data: bytes) -> None:
        self.data[address - START : address - START + len(data)] = data


def spun(*functions: tuple[str, str, bytes]) -> tuple[list[int], bytes]:
    """Offsets that were changed in functions (name, module, code) one behind the other, and what became of them."""
    memory, symbols = Memory(bytearray()), []
    for name, module, code in functions:
        symbols.append(Symbol(START + len(memory.data), name, module))
        memory.data += code
    changed = remove_pauses(cast(GdbStub, memory), [*symbols, Symbol(START + len(memory.data), "end")])
    return [at - START for at in changed], bytes(memory.data)


def test_a_pause_becomes_a_nop_of_its_length() -> None:
    assert spun((SPINNING[0], "", REPEATED + LOOP)) == ([3], REPEATED + PAUSE_AS_NOP + LOOP[2:])
    assert len(PAUSE_AS_NOP) == len(PAUSE)


def test_bytes_that_only_look_like_one_stay() -> None:
    assert spun((SPINNING[0], "", NO_PAUSE)) == ([], NO_PAUSE)


def test_other_functions_and_drivers_stay() -> None:
    others = (("cpu_idle_poll", "", LOOP), (SPINNING[0], "some_driver", LOOP))
    assert spun(*others) == ([], LOOP + LOOP)
