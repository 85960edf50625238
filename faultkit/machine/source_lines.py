"""The source lines of a kernel module's functions, from the debug information that the compiler leaves in its file.

Sections of an object file have no addresses yet: each sequence of the line table begins with an address that is to be
relocated, and its relocation names the section.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_RELOC_TYPE_x64

LINES = "lines.json"  # behind the name of a module, beside it in the cache: what `lines_of` found
Lines = Mapping[str, Sequence[tuple[int, str]]]  # function -> (offset that code begins at, "ring.c:112"), by offset
ABSOLUTE = ENUM_RELOC_TYPE_x64["R_X86_64_64"]
HEADERS = "include"
SET_ADDRESS = 2  # DW_LNE_set_address
START = attrgetter("program_start_offset")
PLACE = itemgetter(0, 1)  # of a row: section, address


def lines_of(module: Path) -> Lines:
    """The lines of each function that is alone of its name; none without debug information."""
    with module.open("rb") as file:
        elf = ELFFile(file)
        if not elf.has_dwarf_info() or section(elf, ".rela.debug_line") is None:
            return {}
        rows = sorted(table(elf), key=PLACE)  # stable: of rows for one address the last counts
        symbols = [symbol for symbol in section(elf, ".symtab").iter_symbols() if is_function(symbol)]
    names = Counter(symbol.name for symbol in symbols)
    return {symbol.name: found for symbol in symbols if names[symbol.name] == 1 and (found := within(rows, symbol))}


def section(elf: ELFFile, name: str) -> Any:
    """A section that each object file with code has."""
    return elf.get_section_by_name(name)


def is_function(symbol: Any) -> bool:
    """Report whether a symbol is a function of this file."""
    return symbol["st_info"]["type"] == "STT_FUNC" and isinstance(symbol["st_shndx"], int)


def within(rows: Sequence[tuple[int, int, str]], symbol: Any) -> list[tuple[int, str]]:
    """The rows of the table in a function; a line that goes on is there once."""
    place, start = symbol["st_shndx"], symbol["st_value"]
    first, last = (bisect_left(rows, (place, at), key=PLACE) for at in (start, start + symbol["st_size"]))
    found = list[tuple[int, str]]()
    for _, address, line in rows[first:last]:
        if found and found[-1][0] == address - start:
            found.pop()
        if not found or found[-1][1] != line:
            found.append((address - start, line))
    return found


def programs(elf: ELFFile) -> Iterator[Any]:
    """The line programs, each once, in their order in the file."""
    dwarf = elf.get_dwarf_info(relocate_dwarf_sections=True)
    found = (dwarf.line_program_for_CU(unit) for unit in dwarf.iter_CUs())
    yield from sorted({each.program_start_offset: each for each in found if each}.values(), key=START)


def table(elf: ELFFile) -> Iterator[tuple[int, int, str]]:
    """The line table: section, address in it, and "ring.c:112"."""
    begins, place, shift = starts(elf), 0, 0
    for program in programs(elf):
        for entry in program.get_entries():
            if entry.state is None:
                if entry.is_extended and entry.command == SET_ADDRESS:
                    place, at = next(begins)
                    shift = at - entry.args[0]
            elif not entry.state.end_sequence and entry.state.line:
                yield place, entry.state.address + shift, f"{file_of(program, entry.state.file)}:{entry.state.line}"


def starts(elf: ELFFile) -> Iterator[tuple[int, int]]:
    """The section, and the address in it, that each sequence of the line table begins at, in order."""
    relocations = section(elf, ".rela.debug_line")
    symbols: Any = elf.get_section(relocations["sh_link"])
    wanted = (each for each in relocations.iter_relocations() if each["r_info_type"] == ABSOLUTE)
    for each in sorted(wanted, key=lambda each: each["r_offset"]):
        symbol = symbols.get_symbol(each["r_info_sym"])
        yield symbol["st_shndx"], symbol["st_value"] + each["r_addend"]


def file_of(program: Any, number: int) -> str:
    """A file of a line program: a header of the kernel from `include` on, another file by its name."""
    header = program.header
    files, folders = header["file_entry"], header["include_directory"]
    first = 0 if header["version"] >= 5 else 1
    entry = files[number - first]
    at = entry.dir_index - first
    folder = folders[at] if 0 <= at < len(folders) else b""
    path = PurePosixPath(folder.decode(errors="replace"), entry.name.decode(errors="replace"))
    parts = path.parts
    return str(PurePosixPath(*parts[parts.index(HEADERS) :])) if HEADERS in parts else path.name


def line_at(lines: Lines, function: str | None, offset: int) -> str | None:
    """The source line of the code at an offset into a function; None if it is not known."""
    found = lines.get(function or "", ())
    at = bisect_right([begins for begins, _ in found], offset)
    return found[at - 1][1] if at else None
