"""A monitor's BPF program in C and its decoder in Python agree on records, numbers and the size of the buffer."""

from __future__ import annotations

import importlib
import pkgutil
import re
import struct
from pathlib import Path
from types import ModuleType

import pytest

import monitors
import tests.own_driver
from faultkit.kit import Kind
from monitors import bpf, crossings, process, requests

HOME = Path(monitors.__file__).parent
ALL = [importlib.import_module(f"monitors.{found.name}") for found in pkgutil.iter_modules(monitors.__path__)]
MODULES = [module for module in ALL if hasattr(module, "SOURCE")]
LETTERS = {"u64": "Q", "s64": "q", "u32": "I", "s32": "i", "u16": "H", "u8": "B"}
MEMBER = re.compile(r"^\s*(\w+) (\w+)(?:\[(\w+)\])?;", re.MULTILINE)
SOURCES = sorted([*HOME.glob("*.bpf.c"), *Path(tests.own_driver.__path__[0]).glob("*.bpf.c")])


def source(module: ModuleType) -> str:
    """The C source of a monitor."""
    return Path(module.SOURCE).read_text()


def layout(text: str, name: str = "event") -> str:
    """The format of a struct of the source, as Python's `struct` writes it."""
    [body] = re.findall(rf"^struct {name} {{\n(.*?)^}};", text, re.MULTILINE | re.DOTALL)
    numbers = dict(re.findall(r"^#define (\w+) (\d+)", text, re.MULTILINE))
    letters = (f"{numbers.get(size, size)}s" if type_ == "char" else LETTERS[type_]
               for type_, _, size in MEMBER.findall(re.sub(r"/\*.*?\*/", "", body)))  # fmt: skip
    return "<" + "".join(letters)


def enumerated(text: str, first: str) -> list[str]:
    """The names of the enum that begins with this one, in order."""
    [names] = re.findall(rf"enum(?: \w+)? {{\s*({first}\b.*?)}}", text, re.DOTALL)
    return re.findall(r"\b([A-Z_]+)\b(?: = \d+)?,?", re.sub(r"/\*.*?\*/", "", names))


def test_a_layout_is_read_with_its_macros_and_without_its_comments() -> None:
    text = "#define N 5\nstruct event {\n\tu64 t_ns; /* of it; */\n\ts32 value;\n\tchar name[N];\n\tchar tail[3];\n};\n"
    assert layout(text) == "<Qi5s3s"
    assert enumerated("enum { A, B, /* Z */ C };", "A") == ["A", "B", "C"]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_record_is_unpacked_as_it_was_written(module: ModuleType) -> None:
    assert layout(source(module)) == module.EVENT.format
    native = struct.Struct("@" + module.EVENT.format[1:])
    assert native.size == module.EVENT.size, "the compiler puts no gap between the members"
    assert module.EVENT.size % 8 == 0, "nor one behind them"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_ring_is_as_large_as_its_reader_believes(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"BPF_RINGBUF_OUTPUT\(events, (\d+)\);", text) == [str(bpf.RING_BYTES // 4096)]
    assert re.findall(r"BPF_ARRAY\(lost, (\w+), 1\);", text) == ["u64"]


def test_every_program_is_compared() -> None:
    assert {Path(module.SOURCE).name for module in MODULES} == {path.name for path in HOME.glob("*.bpf.c")}


def test_the_numbers_of_process_events_are_the_same() -> None:
    names = enumerated(source(process), "STARTED")
    assert [getattr(process, name) for name in names] == [*range(len(names))] and len(names) == 3


def test_the_numbers_of_request_events_are_the_same() -> None:
    names = [name.lower() for name in enumerated(source(requests), "ISSUED")]
    assert [kind.partition(".")[2] for kind in requests.NET] == names
    assert [kind.partition(".")[2] for kind in requests.BLOCK] == names[:2]
    assert {*requests.NET, *requests.BLOCK} < set(Kind)


def test_the_directions_of_crossings_are_those_of_the_runtime() -> None:
    header = (HOME.parent / "microdriver" / "kernel" / "microdriver.h").read_text()
    names = enumerated(header, "MDRV_NOTHING")
    assert ["", *(name.removeprefix("MDRV_").lower() for name in names[1:])] == list(crossings.DIRECTIONS)
