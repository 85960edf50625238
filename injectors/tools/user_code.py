"""The beginnings of machine instructions in a process: from its unwind tables, decoded by capstone."""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from pathlib import Path

from capstone import CS_ARCH_X86, CS_MODE_64, Cs

from faultkit.kit import NotPlaced
from injectors.tools.process_memory import Area, areas_of

PT_LOAD, PT_GNU_EH_FRAME = 1, 0x6474E550
SEGMENT = struct.Struct("=IIQQQQQQ")  # Elf64_Phdr
TABLE_OF_OFFSETS = bytes((1, 0x1B, 0x03, 0x3B))  # version and encodings of .eh_frame_hdr that all linkers write
LONGEST = 15


def start_of(pid: int, address: int) -> int | None:
    """The address of the instruction that a byte belongs to; None if it belongs to no function (PLT, padding).

    Decoded from the start of its function, as the unwind table of its program or library has it (Linux Standard Base,
    .eh_frame_hdr): every compiled function is in there, also of a program without symbols. Raises: NotPlaced.
    """
    mappings = areas_of(pid)
    mine = next(m for m in mappings if m.low <= address < m.high)
    image = next(m for m in mappings if m.name == mine.name and not m.offset)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        start, end = function_at(memory.fileno(), image, address)
        if not start <= address < end:
            return None
        return start + start_within(os.pread(memory.fileno(), end - start, start), address - start)


def function_at(memory: int, image: Area, address: int) -> tuple[int, int]:
    """The last function of a mapped ELF file that begins at or before an address, from its start to its end."""
    where, table = unwind_table(memory, image)
    entries = struct.unpack_from("=I", table, 8)[0]
    offsets = struct.unpack_from(f"={2 * entries}i", table, 12)
    n = bisect_right(offsets[::2], address - where) - 1
    if n < 0:
        return 0, 0
    start, description = (where + offset for offset in offsets[2 * n : 2 * n + 2])
    relative, size = struct.unpack("=iI", os.pread(memory, 8, description + 8))
    if description + 8 + relative != start:
        raise NotPlaced(f"{image.name} has an unwind table of an unknown kind")
    return start, start + size


def unwind_table(memory: int, image: Area) -> tuple[int, bytes]:
    """The .eh_frame_hdr of a mapped ELF file, and its address. Raises: NotPlaced if it has none of the usual kind."""
    head = os.pread(memory, 64, image.low)
    offset, count = struct.unpack_from("=Q", head, 32)[0], struct.unpack_from("=H", head, 56)[0]
    segments = list(SEGMENT.iter_unpack(os.pread(memory, SEGMENT.size * count, image.low + offset)))
    first = next(address for kind, _, at, address, *_ in segments if kind == PT_LOAD and not at)
    tables = [(address, size) for kind, _, _, address, _, size, *_ in segments if kind == PT_GNU_EH_FRAME]
    where = tables[0][0] - first + image.low if tables else 0
    table = os.pread(memory, tables[0][1], where) if tables else b""
    if not table.startswith(TABLE_OF_OFFSETS):
        raise NotPlaced(f"{image.name} has no unwind table of the usual kind: its instructions cannot be told apart")
    return where, table


def start_within(code: bytes, offset: int) -> int:
    """The start of the instruction that holds the byte at an offset of some code. Raises: NotPlaced."""
    end = 0
    for start, size, _, _ in Cs(CS_ARCH_X86, CS_MODE_64).disasm_lite(code, 0):
        end = start + size
        if offset < end:
            return int(start)
    raise NotPlaced(f"the bytes {code[end : end + LONGEST].hex()} are no instruction")
