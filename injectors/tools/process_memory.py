"""The regions of a process' memory that a fault can go into, and their pages that are in RAM, or in use."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import NotPlaced, processor
from injectors.tools.ptrace import call_in, registers, stopped_thread
from injectors.tools.udriver import threads_of

SCAN = struct.Struct("=12Q")  # struct pm_scan_arg, include/uapi/linux/fs.h
PAGEMAP_SCAN = 0xC0606610
PRESENT, SOFT_DIRTY = 1 << 3, 1 << 7  # PAGE_IS_...
AT_ONCE = 256
FORGET_WRITES = "4"  # Documentation/admin-guide/mm/soft-dirty.rst
FAULT_AROUND = Path("/sys/kernel/debug/fault_around_bytes")
FAULT_AROUND_BYTES = "65536"  # the kernel's own choice
MADV_DONTNEED = 4

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Area:
    """A mapping of a process, as /proc/PID/maps has it."""

    low: int
    high: int
    access: str
    offset: int
    name: str


def areas_of(pid: int) -> list[Area]:
    """The mappings of a process, by address."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [area_of(line.split(maxsplit=5)) for line in lines]


def area_of(fields: list[str]) -> Area:
    """The mapping in a line of /proc/PID/maps."""
    low, high = fields[0].split("-")
    name = fields[5] if len(fields) == 6 else ""
    return Area(int(low, 16), int(high, 16), fields[1], int(fields[2], 16), name)


def regions(pid: int, name: str) -> list[Range]:
    """The address ranges in RAM that make up a region. Raises: NotPlaced if there are none."""
    return in_state(pid, name, PRESENT, "in RAM")


def watch_use(pid: int, name: str) -> None:
    """Begin to note which pages of a region are used. The process sees nothing of it but time.

    Writable pages: the kernel notes which are written (soft-dirty). text: the mappings' pages are dropped from the page
    table, one by one they come back from the page cache when they are needed.
    """
    if name != "text":
        Path(f"/proc/{pid}/clear_refs").write_text(FORGET_WRITES)
        return
    FAULT_AROUND.write_text(str(mmap.PAGESIZE))  # no neighbours with them
    for low, high in text_ranges(areas_of(pid), []):
        call_in(pid, "madvise", low, high - low, MADV_DONTNEED)


def used(pid: int, name: str) -> list[Range]:
    """The pages of a region that were used since `watch_use`. Raises: NotPlaced if there are none, OSError."""
    FAULT_AROUND.write_text(FAULT_AROUND_BYTES)
    return in_state(pid, name, PRESENT if name == "text" else PRESENT | SOFT_DIRTY, "in use")


def check_region(name: str) -> None:
    """Refuse an unknown region. Raises: NotPlaced."""
    if name not in KINDS:
        raise NotPlaced(f"a u-driver has no memory region {name!r}: there are {', '.join(KINDS)}")


def in_state(pid: int, name: str, categories: int, what: str) -> list[Range]:
    """The parts of a region whose pages are of all these categories. Raises: NotPlaced if there are none."""
    check_region(name)
    found = pages_with(pid, categories, KINDS[name](areas_of(pid), stack_pointers(pid)))
    if not found:
        raise NotPlaced(f"process {pid} has no {name} {what}")
    return found


def data_ranges(mappings: list[Area], pointers: list[int]) -> list[Range]:
    """Writable mappings of files."""
    del pointers
    return [(m.low, m.high) for m in mappings if m.access.startswith("rw") and m.name.startswith("/")]


def text_ranges(mappings: list[Area], pointers: list[int]) -> list[Range]:
    """Executable mappings of files."""
    del pointers
    return [(m.low, m.high) for m in mappings if m.access.startswith("r-x") and m.name.startswith("/")]


def stack_ranges(mappings: list[Area], pointers: list[int]) -> list[Range]:
    """From each stack pointer to the end of the mapping that it points into."""
    own = [m for m in mappings if m.access.startswith("rw")]
    return [(sp, m.high) for m in own for sp in pointers if m.low <= sp < m.high]


def heap_ranges(mappings: list[Area], pointers: list[int]) -> list[Range]:
    """Writable anonymous mappings that are no thread's stack."""
    own = [m for m in mappings if m.access.startswith("rw") and m.name in ("", "[heap]")]
    return [(m.low, m.high) for m in own if not any(m.low <= sp < m.high for sp in pointers)]


KINDS: dict[str, Callable[[list[Area], list[int]], list[Range]]] = {
    "data": data_ranges,
    "stack": stack_ranges,
    "heap": heap_ranges,
    "text": text_ranges,
}


def stack_pointers(pid: int) -> list[int]:
    """The stack pointer of each thread, the oldest thread's first."""
    return [stack_pointer(tid) for tid in threads_of(pid)]


def stack_pointer(tid: int) -> int:
    """The stack pointer of a thread: by /proc/TID/syscall (proc(5)) if it waits in the kernel, else by stopping it."""
    call = Path(f"/proc/{tid}/syscall").read_text().split()
    if len(call) > 2:
        return int(call[-2], 16)
    with stopped_thread(tid):
        return registers(tid)[processor.STACK_POINTER]


def pages_with(pid: int, categories: int, ranges: list[Range]) -> list[Range]:
    """The parts of address ranges whose pages are of all these categories."""
    with Path(f"/proc/{pid}/pagemap").open("rb") as pagemap:
        return [part for low, high in ranges for part in scan(pagemap.fileno(), categories, low, high)]


def scan(pagemap: int, categories: int, low: int, high: int) -> Iterator[Range]:
    """The parts of one range, by the ioctl PAGEMAP_SCAN (since Linux 6.7)."""
    start, end = low // mmap.PAGESIZE * mmap.PAGESIZE, -(-high // mmap.PAGESIZE) * mmap.PAGESIZE
    room = (ctypes.c_uint64 * (3 * AT_ONCE))()
    while start < end:
        request = bytearray(
            SCAN.pack(SCAN.size, 0, start, end, 0, ctypes.addressof(room), AT_ONCE, 0, 0, categories, 0, categories)
        )
        count = fcntl.ioctl(pagemap, PAGEMAP_SCAN, request)
        for n in range(count):
            yield max(low, room[3 * n]), min(high, room[3 * n + 1])
        start = SCAN.unpack(request)[4]  # as far as it came


def picks(ranges: list[Range], draw: int) -> Iterator[tuple[int, int]]:
    """Bits of the ranges, uniformly, one after another without end: each byte's address and the number in it."""
    size = sum(high - low for low, high in ranges)
    rng = random.Random(draw)
    while True:
        at, bit = divmod(rng.randrange(8 * size), 8)
        for low, high in ranges:
            if at < high - low:
                yield low + at, bit
                break
            at -= high - low
