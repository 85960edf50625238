"""The layers of the runtime's C files: a file uses those below it, in the order of mdrv_internal.h.

All is read from the sources: functions and variables that headers declare, the files that define them, and all files
that name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from faultkit.guest.arming import ARMING

HOME = Path(__file__).parents[1]
RUNTIME = HOME / "microdriver" / "kernel"
BESIDES = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
DIRECTIVE = re.compile(r"^#(?:\\\n|.)*\n", re.MULTILINE)
INCLUDE = re.compile(r'^#include "(\w+\.h)"', re.MULTILINE)
SECTION = re.compile(r"^/\* (mdrv_\w+\.c).*?\*/$", re.MULTILINE)
ANNOTATION = re.compile(r"\b__must_hold\([^)]*\)|\b(?:NOKPROBE_SYMBOL|EXPORT_SYMBOL_GPL)\(\w+\);")
# What begins a line and is not static: a function up to its arguments, or a variable.
FUNCTION = re.compile(
    r"^(?!static|extern|typedef|return)[a-z_](?:[\w ]|\*)*?[ *](\w+)(\((?:[^()]|\([^()]*\))*\))\s*([{;])", re.M
)
VARIABLE = re.compile(r"^(?!static|typedef|return)(extern )?[a-z_](?:[\w ]|\*)*?[ *](\w+)(?:\[\w*\])?(?: = \{|;)", re.M)


@dataclass(frozen=True)
class Source:
    """A C file or header."""

    name: str
    text: str

    @cached_property
    def code(self) -> str:
        """The text without comments, strings, directives and annotations."""
        return ANNOTATION.sub("", DIRECTIVE.sub("", BESIDES.sub("", self.text)))

    @property
    def words(self) -> set[str]:
        """All names in the code."""
        return {*re.findall(r"\b[A-Za-z_]\w*", self.code)}

    def outside(self, ending: str) -> Iterator[str]:
        """Functions and variables that are not static: those declared (";"), or those defined ("{")."""
        yield from (name for name, _, end in FUNCTION.findall(self.code) if end == ending)
        yield from (name for extern, name in VARIABLE.findall(self.code) if bool(extern) == (ending == ";"))

    @property
    def sections(self) -> dict[str, str]:
        """The declarations of a header -> the C file that the comment above names."""
        parts = SECTION.split(self.text)
        found = zip(parts[1::2], parts[2::2], strict=True)
        return {name: file for file, text in found for name in Source(self.name, text).outside(";")}


Sources = Mapping[str, Source]


def sources_in(*folders: Path) -> Sources:
    """The C files and headers of some folders, by name."""
    paths = [path for folder in folders for path in folder.glob("*.[ch]")]
    return {path.name: Source(path.name, path.read_text()) for path in sorted(paths)}


def with_end(sources: Sources, end: str) -> list[Source]:
    """The sources with this end of their names."""
    return [source for source in sources.values() if source.name.endswith(end)]


def declared(sources: Sources) -> set[str]:
    """All that headers declare."""
    return {name for header in with_end(sources, ".h") for name in header.outside(";")}


def defined(sources: Sources) -> dict[str, str]:
    """All that C files define for others -> the file."""
    return {name: source.name for source in with_end(sources, ".c") for name in source.outside("{")}


def uses(sources: Sources) -> dict[str, set[str]]:
    """C files -> those of which they use anything."""
    homes = defined(sources)
    return {
        source.name: {home for name, home in homes.items() if name in source.words} - {source.name}
        for source in with_end(sources, ".c")
    }


def includes(sources: Sources) -> dict[str, set[str]]:
    """Files -> the headers of ours that they include."""
    return {source.name: {*INCLUDE.findall(source.text)} for source in sources.values()}


def layers(sources: Sources) -> list[str]:
    """The C files, the lowest first, as the sections of mdrv_internal.h list them."""
    return SECTION.findall(sources["mdrv_internal.h"].text)


@pytest.fixture(scope="module")
def runtime() -> Sources:
    return sources_in(RUNTIME, ARMING)


def test_declarations_definitions_and_uses_are_seen() -> None:
    header = Source(
        "a.h", "/* mdrv_a.c */\nint *f(int (*g)(int), long n);\nextern struct s const t;\n#define g(n) f(n)\n"
    )
    assert [*header.outside(";")] == ["f", "t"] and [*header.outside("{")] == []
    assert header.sections == {"f": "mdrv_a.c", "t": "mdrv_a.c"}
    low = Source(
        "a.c", "struct s const t = {\n};\nint *f(int (*g)(int),\n\tlong n) __must_hold(&n)\n{\n\treturn h();\n}\n"
    )
    assert [*low.outside("{")] == ["f", "t"]
    high = Source(
        "b.c", "static int i;\nstatic int k(void)\n{\n\tint n;\n\n\t/* t */\n\treturn f(0, 0);\n}\nint h(void)\n{\n}\n"
    )
    assert [*high.outside("{")] == ["h"]
    assert uses({each.name: each for each in (header, low, high)}) == {"a.c": {"b.c"}, "b.c": {"a.c"}}


def test_all_that_headers_declare_is_defined_once_and_the_other_way_round(runtime: Sources) -> None:
    found = [name for source in with_end(runtime, ".c") for name in source.outside("{")]
    assert len(found) == len(set(found)) > 50
    assert {*found} == declared(runtime) - {"arming_return"}, "arming_return() is in assembler"


def test_each_declaration_stands_under_the_name_of_the_file_that_defines_it(runtime: Sources) -> None:
    homes = defined(runtime)
    told = {name: file for header in with_end(runtime, ".h") for name, file in header.sections.items()}
    assert told == {name: homes[name] for name in told}
    assert {name for name, file in homes.items() if file.startswith("mdrv_")} == {*told}


def test_a_file_uses_those_above_it_in_the_list_of_layers_and_no_other(runtime: Sources) -> None:
    order = ["arming.c", *layers(runtime)]
    found = uses(runtime)
    assert sorted(order) == sorted(found), "each file has its layer"
    wrong = [f"{file} -> {used}" for file in order for used in found[file] if order.index(used) >= order.index(file)]
    assert not wrong
    assert found["arming.c"] == set() and len(found["mdrv_core.c"]) > 4


def test_the_layers_are_those_of_the_sources_and_without_a_cycle(runtime: Sources) -> None:
    TopologicalSorter(uses(runtime)).prepare()  # raises CycleError
    upwards = Source("mdrv_chain.c", f"{runtime['mdrv_chain.c'].text}\nint up(void)\n{{\n\tmdrv_session_left(0);\n}}\n")
    with pytest.raises(CycleError):
        TopologicalSorter(uses({**runtime, "mdrv_chain.c": upwards})).prepare()


def test_headers_include_one_another_one_way(runtime: Sources) -> None:
    found = includes(runtime)
    TopologicalSorter({name: {*used} - {name} for name, used in found.items()}).prepare()
    assert {name: found[name] for name in found if name.endswith(".h")} == {
        "arming.h": set(),
        "microdriver.h": set(),
        "mdrv_kernel.h": {"microdriver.h"},
        "mdrv_internal.h": {"mdrv_kernel.h"},
        "mdrv_fault.h": {"arming.h", "mdrv_internal.h"},
        "mdrv_trace.h": {"microdriver.h"},
        "processor.h": set(),
    }
    faulty = {name for name, used in found.items() if {"mdrv_fault.h", "arming.h"} & used and name.endswith(".c")}
    assert faulty == {"arming.c", "mdrv_arming.c", "mdrv_fault.c"}, "the channel does not see how faults are armed"
