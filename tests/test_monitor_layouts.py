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
OURS = sorted(HOME.glob("*.bpf.c"))
SOURCES = sorted([*HOME.glob("*.bpf.c"), *Path(tests.own_driver.__path__[0]).glob("*.bpf.c")])


def source(module: ModuleType) -> str:
    """The C source of a monitor."""
    return Path(module.SOURCE).read_text()


def layout(text: str, name: str = r"\w*event") -> str:
    """The format of a struct of the source, as Python's `struct` writes it."""
    [body] = re.findall(rf"^struct {name} {{\n(.*?)^}};", text, re.MULTILINE | re.DOTALL)
    numbers = dict(re.findall(r"^#define (\w+) (\d+)", text, re.MULTILINE))
    letters = (f"{numbers.get(size, size)}s" if type_ == "char" else LETTERS[type_]
               for type_, _, size in MEMBER.findall(re.sub(r"/\*.*?\*/", "", body)))  # fmt: skip
    return "<" + "".join(letters)


def prefix_of(path: Path) -> str:
    """The beginning of a source's global names; nothing for one that is compiled alone."""
    stem = path.name.partition(".")[0]
    return f"{stem}_" if f"({stem}_events," in path.read_text() else ""


GLOBALS = (
    r"^#define (\w+)", r"^(?:struct|enum) (\w+) \{", r"^BPF_\w+\((\w+)",
    r"^(?:static inline )?(?:int|void|bool) (\w+)\(", r"^TRACEPOINT_PROBE\((.*)\)",
)  # fmt: skip


def names(path: Path) -> set[str]:
    """The global names of a source: macros, types, constants, tables, functions, and tracepoints."""
    text = re.sub(r"/\*.*?\*/|//.*", "", path.read_text())
    constants = (name for body in re.findall(r"\benum[ \w]*\{(.*?)\}", text, re.DOTALL) for name in body.split(","))
    return {name.strip() for name in constants} | {
        name for pattern in GLOBALS for name in re.findall(pattern, text, re.MULTILINE)
    }


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
    text, prefix = path.read_text(), prefix_of(path)
    assert re.findall(rf"BPF_RINGBUF_OUTPUT\({prefix}events, (\d+)\);", text) == [str(bpf.RING_BYTES // 4096)]
    assert re.findall(rf"BPF_ARRAY\({prefix}lost, (\w+), 1\);", text) == ["u64"]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_programs_that_are_compiled_together_have_names_of_their_own(path: Path) -> None:
    prefix, others = prefix_of(path), [other for other in OURS if other != path]
    assert prefix and not names(path) & {name for other in others for name in names(other)}


def test_global_names_of_a_source_are_read(tmp_path: Path) -> None:
    source = tmp_path / "a.bpf.c"
    source.write_text("#define N 5\nenum { A, B };\nstruct s {\n\tu64 x;\n};\nBPF_ARRAY(t, u64, 1);\n"
                      "static inline bool f(int i)\n{\n\treturn i;\n}\n"
                      "TRACEPOINT_PROBE(net, xmit)\n{\n}\n")  # fmt: skip
    assert names(source) == {"N", "A", "B", "s", "t", "f", "net, xmit"}


class Compiled(list[str]):
    """A stand-in for bcc, which only guests have: it keeps the texts to compile, and refuses some."""

    def __call__(self, text: str, cflags: list[str]) -> list[str]:
        self.append(text)
        if "wrong" in text or text.count("int same()") > 1:
            raise RuntimeError("error: refused")
        return self


@pytest.mark.parametrize(("texts", "compilations"), [
    ({"a": "a_", "b": "b_"}, ["ab"]),
    ({"a": "a_", "b": "b_", "c": ""}, ["ab", "c"]),
    ({"c": "", "d": ""}, ["c", "d"]),
    ({"a": "a_", "b": "b_", "same": "same_", "same2": "same2_"}, ["absamesame2", "a", "b", "same", "same2"]),
])  # fmt: skip
def test_programs_are_compiled_together_where_that_works(
    texts: dict[str, str], compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Compiled()
    monkeypatch.setattr(bpf, "BPF", done)
    monkeypatch.setattr(bpf.BpfProgram, "loaded", lambda self, found: setattr(self, "_bpf", found))
    programs = []
    for stem, prefix in texts.items():
        path = tmp_path / f"{stem}.bpf.c"
        body = "int same();" if stem.startswith("same") else ""
        path.write_text(f"// {stem}\nBPF_RINGBUF_OUTPUT({prefix}events, 128);\n{body}")
        programs.append(bpf.BpfProgram(path, LIMIT=len(stem)))
    for program in programs:
        program.start()
    assert ["".join(re.findall(r"^// (\w+)", text, re.MULTILINE)) for text in done] == compilations
    assert all(text.count("#define LIMIT") == text.count("#undef LIMIT") > 0 for text in done)


def test_a_program_that_does_not_compile_is_named_though_it_was_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpf, "BPF", Compiled())
    monkeypatch.setattr(bpf.BpfProgram, "loaded", lambda self, found: None)
    for stem in ("good", "bad"):
        (tmp_path / f"{stem}.bpf.c").write_text(f"BPF_RINGBUF_OUTPUT({stem}_events, 128);{'wrong' * (stem == 'bad')}")
    first, _ = (bpf.BpfProgram(tmp_path / f"{stem}.bpf.c") for stem in ("good", "bad"))
    with pytest.raises(OSError, match=r"the monitor bad\.bpf\.c does not compile or load: error: refused"):
        first.start()


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
