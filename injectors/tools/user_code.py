"""The beginnings of machine instructions in a process: from its unwind tables, decoded by capstone."""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from pathlib import Path

from elftools.elf.elffile import ELFFile

from faultkit.kit import NotPlaced, processor
from injectors.tools.machine_code.instructions import listing
from injectors.tools.process_memory import Area, areas_of

TABLE_OF_OFFSETS = bytes((1, 0x1B, 0x03, 0x3B))  # version and encodings of .eh_frame_hdr that all linkers write


def start_of(pid: int, address: int) -> int | None:
    """The address of the instruction that a byte belongs to; None if it belongs to no function (PLT, padding).

    Decoded from the start of its function, as the unwind table of its program or library has it (Linux Standard Base,
    .eh_frame_hdr): every compiled function is in there, also of a program without symbols. Raises: NotPlaced.
    """
    mappings = areas_of(pid)
    mine = next(m for m in mappings if m.low <= address < m.high)
    image = next(m for m in mappings if m.name == mine.name and not m.offset)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        start, end = function_at(memory.fileno(), *unwind_table(pid, image), address)
        if not start <= address < end:
            return None
        return start + start_within(os.pread(memory.fileno(), end - start, start), address - start)


def function_at(memory: int, where: int, table: bytes, address: int) -> tuple[int, int]:
    """The last function of a mapped ELF file that begins at or before an address, from its start to its end.

    By binary search in the table, as the C++ runtime does it: to read all unwind entries of the C library takes
    pyelftools over a second on the host, and the guest is many times slower.
    """
    entries = struct.unpack_from("=I", table, 8)[0]
    offsets = struct.unpack_from(f"={2 * entries}i", table, 12)
    n = bisect_right(offsets[::2], address - where) - 1
    if n < 0:
        return 0, 0
    start, description = (where + offset for offset in offsets[2 * n : 2 * n + 2])
    relative, size = struct.unpack("=iI", os.pread(memory, 8, description + 8))
    if description + 8 + relative != start:
        raise NotPlaced(f"the unwind table at {where:#x} is of an unknown kind")
    return start, start + size


def unwind_table(pid: int, image: Area) -> tuple[int, bytes]:
    """The .eh_frame_hdr of a mapped ELF file, and its address. Raises: NotPlaced if it has none of the usual kind."""
    with Path(f"/proc/{pid}/map_files/{image.low:x}-{image.high:x}").open("rb") as file:
        segments = list(ELFFile(file).iter_segments())
        found = next((each for each in segments if each["p_type"] == "PT_GNU_EH_FRAME"), None)
        table = found.data() if found else b""
    if not found or not table.startswith(TABLE_OF_OFFSETS):
        raise NotPlaced(f"{image.name} has no unwind table of the usual kind: its instructions cannot be told apart")
    first = next(each for each in segments if each["p_type"] == "PT_LOAD" and not each["p_offset"])
    return image.low + found["p_vaddr"] - first["p_vaddr"], table


def start_within(code: bytes, offset: int) -> int:
    """The start of the instruction that holds the byte at an offset of some code. Raises: NotPlaced."""
    end = 0
    for size, _, _ in listing(code):
        start, end = end, end + size
        if offset < end:
            return start
    raise NotPlaced(f"the bytes {code[end : end + processor.LONGEST_INSTRUCTION_BYTES].hex()} are no instruction")
