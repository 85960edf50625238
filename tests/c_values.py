"""Numbers of C headers and structs, as the host's compiler works them out, to hold Python's copies against."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

KERNEL_TYPES = "typedef __u64 u64; typedef __s64 s64; typedef __u32 u32; typedef __s32 s32; typedef __u8 u8;"


def values(expressions: Iterable[str], headers: Iterable[Path] = (), text: str = "") -> dict[str, int]:
    """Each C expression's value, with these headers included and `text` (structs, enums) before it.

    Headers find others in their own folders and in each other's.
    """
    wanted, headers = list(expressions), list(headers)
    includes = [f'#include "{path}"' for path in headers]
    prints = [f'printf("%lld\\n", (long long)({one}));' for one in wanted]
    lines = ["#include <stddef.h>", "#include <stdio.h>", "#include <linux/types.h>", *includes, KERNEL_TYPES, text]
    source = "\n".join([*lines, "int main(void) {", *prints, "return 0; }"])
    folders = [f"-I{path.parent}" for path in headers]
    with tempfile.TemporaryDirectory() as place:
        program = Path(place, "values")
        subprocess.run(["gcc", "-w", "-x", "c", "-o", program, *folders, "-"], input=source, text=True, check=True)
        said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return dict(zip(wanted, map(int, said.split()), strict=True))


def struct_text(source: Path, name: str) -> str:
    """A struct's definition, cut out of a source that the host cannot compile, with the constants above it."""
    code = source.read_text()
    found = re.search(rf"^struct {name} {{.*?^}};", code, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"{source.name} defines no struct {name}")
    defines = re.findall(r"^#define \w+[ \t]+\w+.*$", code[: found.start()], re.MULTILINE)
    return "\n".join([*defines, found[0]])


def layout(source: Path, name: str) -> list[tuple[int, int]]:
    """The offset and size of each field of a struct, in order, and behind them the struct's size."""
    text = struct_text(source, name)
    body = re.sub(r"/\*.*?\*/|//[^\n]*", "", text[text.index(f"struct {name}") :], flags=re.DOTALL)
    fields = re.findall(r"(\w+)(?:\[\w+\])*\s*[,;]", body)
    places = [f"offsetof(struct {name}, {field})" for field in fields]
    sizes = [f"sizeof(((struct {name} *)0)->{field})" for field in fields]
    found = values([*places, *sizes, f"sizeof(struct {name})"], text=text)
    return [(found[a], found[b]) for a, b in zip(places, sizes, strict=True)] + [(found[f"sizeof(struct {name})"], 0)]
