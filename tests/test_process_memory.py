"""The regions of a process' memory, by its mappings: of this process, and of any."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.kit import NotPlaced
from injectors.tools.process_memory import KINDS, Area, Range, area_of, areas_of, check_region

ACCESS = ("rw-p", "r--p", "r-xp", "rwxp", "---p")
NAMES = ("", "[heap]", "[stack]", "[vdso]", "/lib/libc.so", "/dev/shm/x")


def holds(ranges: list[Range], address: int) -> bool:
    """Report whether an address is in one of the ranges."""
    return any(low <= address < high for low, high in ranges)


def test_a_line_of_maps_is_read_with_a_name_of_several_words() -> None:
    line = "7f00-7fff rw-p 00001000 08:01 42                  /tmp/a file (deleted)"
    assert area_of(line.split(maxsplit=5)) == Area(0x7F00, 0x7FFF, "rw-p", 0x1000, "/tmp/a file (deleted)")
    assert area_of(["1000-2000", "---p", "00000000", "00:00", "0"]) == Area(0x1000, 0x2000, "---p", 0, "")


def test_this_process_has_its_memory_where_it_should(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(4096))
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with (
        (tmp_path / "file").open("r+b") as file,
        mmap.mmap(-1, 8192, flags=private) as own,
        mmap.mmap(file.fileno(), 4096) as mapped,
    ):
        here = {name: ctypes.addressof(ctypes.c_char.from_buffer(memory)) for name, memory in
                (("heap", own), ("data", mapped))}  # fmt: skip
        text = ctypes.cast(ctypes.pythonapi.Py_GetVersion, ctypes.c_void_p).value or 0
        mappings, stack = areas_of(os.getpid()), stack_of_this_process()
        found = {name: ranges(mappings, [stack]) for name, ranges in KINDS.items()}
    for name, address in {**here, "text": text, "stack": stack}.items():
        assert [kind for kind, ranges in found.items() if holds(ranges, address)] == [name]
    assert holds(found["heap"], id(object())), "and objects of Python are on the heap"


def stack_of_this_process() -> int:
    """The main thread's stack pointer, as /proc tells it, or the lower end of its stack."""
    [stack] = [area for area in areas_of(os.getpid()) if area.name == "[stack]"]
    return stack.low + 64


@st.composite
def mappings(draw: st.DrawFn) -> list[Area]:
    """Mappings that do not overlap, by address."""
    edges = sorted(draw(st.sets(st.integers(1, 1000), min_size=2, max_size=12)))
    spans = [(low * 4096, high * 4096) for low, high in zip(edges[::2], edges[1::2], strict=False)]
    return [Area(low, high, draw(st.sampled_from(ACCESS)), 0, draw(st.sampled_from(NAMES))) for low, high in spans]


@given(mappings(), st.lists(st.integers(0, 1001 * 4096), max_size=4))
def test_regions_keep_apart_and_faults_in_them_stay_in_mappings(areas: list[Area], pointers: list[int]) -> None:
    found = {name: ranges(areas, pointers) for name, ranges in KINDS.items()}
    for name, ranges in found.items():
        for low, high in ranges:
            [area] = [area for area in areas if area.low <= low < high <= area.high]
            assert area.access.startswith("r-x" if name == "text" else "rw"), "writable data, executable text"
    for low, high in found["heap"]:
        assert not any(low <= pointer < high for pointer in pointers)
        assert not holds(found["data"] + found["text"], low)
    assert len(found["stack"]) == sum(
        area.low <= pointer < area.high and area.access.startswith("rw") for area in areas for pointer in pointers
    )


def test_an_anonymous_mapping_is_heap_unless_a_thread_has_its_stack_there() -> None:
    areas = [Area(0x1000, 0x3000, "rw-p", 0, ""), Area(0x5000, 0x6000, "rw-p", 0, "[heap]")]
    assert KINDS["heap"](areas, [0x2000]) == [(0x5000, 0x6000)]
    assert KINDS["heap"](areas, []) == [(0x1000, 0x3000), (0x5000, 0x6000)]
    assert KINDS["stack"](areas, [0x2000, 0x9000]) == [(0x2000, 0x3000)]


def test_an_unknown_region_is_named_with_those_that_are_there() -> None:
    with pytest.raises(NotPlaced, match="no memory region 'bss': there are data, stack, heap, text"):
        check_region("bss")
