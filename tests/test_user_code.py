"""The beginnings of machine instructions in a process."""

from __future__ import annotations

import os
import random
import sys
from bisect import bisect_right
from pathlib import Path

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from faultkit.model.errors import NotPlaced
from injectors.tools.process_memory import Area, areas_of
from injectors.tools.user_code import function_at, start_of, start_within, unwind_table

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may open what another process has mapped")
CODE = bytes.fromhex("f30f1efa 53 4889fb 4885ff 7402 0f1f440000 c5fd6f07 5b c3")  # endbr64 to ret
STARTS = (0, 4, 5, 8, 11, 13, 18, 22, 23)


@pytest.mark.parametrize("offset", range(len(CODE)))
def test_each_byte_belongs_to_the_instruction_that_begins_last_before_it(offset: int) -> None:
    assert start_within(CODE, offset) == max(start for start in STARTS if start <= offset)


def test_bytes_that_are_no_instruction_are_refused() -> None:
    with pytest.raises(NotPlaced, match="the bytes 06ff are no instruction"):
        start_within(bytes.fromhex("53 06ff"), 2)


def library() -> Area:
    """The beginning of a small library that this process uses."""
    return next(area for area in areas_of(os.getpid()) if "/libz." in area.name and not area.offset)


@needs_root
def test_functions_are_those_of_all_unwind_entries() -> None:
    """The search in the table finds for each address the function that reading all entries of a library finds."""
    image, me = library(), os.getpid()
    with Path(image.name).open("rb") as file:
        entries = [each for each in ELFFile(file).get_dwarf_info().EH_CFI_entries() if isinstance(each, FDE)]
    spans = sorted((each["initial_location"], each["address_range"]) for each in entries)
    assert len(spans) > 50
    rng = random.Random(1)
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        where, table = unwind_table(me, image)
        for at in (rng.randrange(spans[0][0], sum(spans[-1])) for _ in range(300)):
            start, size = spans[bisect_right(spans, (at, sys.maxsize)) - 1]
            found = function_at(memory.fileno(), where, table, image.low + at)
            assert found == (image.low + start, image.low + start + size)
            inside = at < start + size
            begin = start_of(me, image.low + at)
            assert (begin is not None and begin <= image.low + at) if inside else begin is None


@needs_root
def test_what_is_before_all_functions_belongs_to_no_instruction() -> None:
    assert start_of(os.getpid(), library().low) is None
