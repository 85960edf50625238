"""The source line of the function to blame: the table that is read from debug information, against binutils' own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from faultkit.kernel_log import read_log
from faultkit.machine import kbuild
from faultkit.machine.console import code_offset, kernel_events
from faultkit.machine.image import headers, headers_version
from faultkit.machine.source_lines import LINES, Lines, line_at, lines_of
from faultkit.model.builds import KernelModule
from faultkit.model.errors import UnmetNeed

RING = Path(__file__).with_name("own_driver")


@pytest.fixture(scope="module")
def unstripped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's module as the compiler leaves it."""
    place = tmp_path_factory.mktemp("ring")
    for name in ("ring.c", "Kbuild"):
        shutil.copyfile(RING / name, place / name)
    try:
        done = kbuild.make(place, headers_version(), "modules")
    except UnmetNeed as reason:
        pytest.skip(str(reason))
    if done.returncode:
        pytest.skip(f"no kernel modules are built here: {headers(headers_version())}")
    return place / "ring.ko"


def offsets_of(module: Path, function: str) -> tuple[str, int, range]:
    """The section of a function, its address there, and every third offset into it."""
    with module.open("rb") as file:
        elf: Any = ELFFile(file)
        (symbol,) = elf.get_section_by_name(".symtab").get_symbol_by_name(function)
        return elf.get_section(symbol["st_shndx"]).name, symbol["st_value"], range(0, symbol["st_size"], 3)


@pytest.mark.parametrize("function", ["ring_write", "ring_read", "ring_init", "ring_exit"])
def test_the_lines_are_those_that_addr2line_finds(unstripped: Path, function: str) -> None:
    """Also of functions in other sections than .text, which begin at the same addresses."""
    section, start, offsets = offsets_of(unstripped, function)
    command = ["addr2line", "-e", str(unstripped), "-j", section, *(hex(start + offset) for offset in offsets)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    lines = lines_of(unstripped)
    mine = [(line_at(lines, function, offset) or "").rpartition("/")[2] for offset in offsets]
    assert mine == [re.sub(r" \(discriminator \d+\)", "", line).rpartition("/")[2] for line in told]
    assert len(set(mine)) > 1


def test_they_are_kept_beside_a_module_that_has_none_any_more(unstripped: Path) -> None:
    module = kbuild.built_module(KernelModule(RING, "ring"))
    kept = kbuild.source_lines(KernelModule(RING, "ring"), headers_version())
    assert lines_of(module) == {} and module.with_name(f"ring.{LINES}").is_file()
    assert {name: [tuple(row) for row in rows] for name, rows in kept.items()} == lines_of(unstripped)


LOG = """\
[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    1.000001] RIP: 0010:{top}
[    1.000002] Call Trace:
[    1.000003]  <TASK>
[    1.000004]  ring_write+0x20/0x90 [ring]
"""
TABLE: Lines = {"ring_write": [(0, "ring.c:50"), (0x10, "ring.c:53"), (0x20, "ring.c:60")]}


@pytest.mark.parametrize(
    ("top", "line"), [("ring_write+0x20/0x90 [ring]", "ring.c:60"), ("memcpy_orig+0x1e/0x140", "ring.c:53")]
)
def test_a_call_is_blamed_on_its_own_line_and_not_on_the_next(top: str, line: str) -> None:
    (report,) = read_log(LOG.format(top=top))
    assert report.function == "ring_write"
    assert line_at(TABLE, report.function, code_offset(report)) == line
    (event,) = kernel_events(LOG.format(top=top), 0, lambda module, f, offset: line_at(TABLE, f, offset))
    assert event.data["source"] == line


def test_without_debug_information_no_line_is_told() -> None:
    (event,) = kernel_events(LOG.format(top="ring_write+0x20/0x90 [ring]"))
    assert "source" not in event.data
    assert line_at(TABLE, "ring_read", 0) is None and line_at(TABLE, None, 0) is None and line_at({}, "f", 0) is None
