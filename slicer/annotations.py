"""Annotations of one driver: what the slicer cannot find out of its source, as a TOML file beside it.

Its tables are those of the shared knowledge (`[lengths]`, `[reads]`, `[points]`, `[slots]` ...), and one more:

    [kernel]
    functions = ["name", "pattern_*"]    # they stay in the kernel, whatever their slots

A folder of one's own has its annotations in `slicer.toml`; those of Debian's drivers come with the slicer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import filter as matching
from pathlib import Path
from typing import Any

from faultkit.model.errors import HarnessError, UsageError
from slicer.knowledge import EFFECTS, Knowledge, annotated_knowledge, shared_knowledge
from slicer.program import DriverProgram
from slicer.source import Source

PLACE = Path(__file__).with_name("annotations")
BESIDE = "slicer.toml"
KERNEL = "kernel"
KNOWN = frozenset({KERNEL, "lengths", "reads", "slots", "arguments", "types", "through", "memory", *EFFECTS})


@dataclass(frozen=True, slots=True)
class Annotations:
    """A driver's annotations. `rows`: lines of its file that say something; `kernel`: patterns of functions."""

    rows: int
    kernel: tuple[str, ...]
    knowledge: Knowledge


def no_annotations() -> Annotations:
    """The shared knowledge alone."""
    return Annotations(0, (), shared_knowledge())


def annotations_of(source: Source) -> Annotations:
    """The annotations of a driver; none if it has no file. Raises: UsageError for a file that cannot be read."""
    path = PLACE / f"{source.name}.toml" if source.kernel else source.home / BESIDE
    if not path.is_file():
        return no_annotations()
    text = path.read_text()
    tables = read_tables(path, text)
    try:
        found = annotated_knowledge(path.name, {name: table for name, table in tables.items() if name != KERNEL})
    except HarnessError as reason:
        raise UsageError(f"{path}: {reason}") from None
    rows = sum(bool(line.split("#")[0].strip()) and not line.startswith("[") for line in text.splitlines())
    return Annotations(rows, tuple(tables.get(KERNEL, {}).get("functions", ())), found)


def read_tables(path: Path, text: str) -> Mapping[str, Any]:
    """The tables of a file. Raises: UsageError."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise UsageError(f"{path} is no TOML: {reason}") from None
    if strange := sorted(tables.keys() - KNOWN):
        raise UsageError(f"{path} has the table [{strange[0]}], which is none of: {', '.join(sorted(KNOWN))}")
    if any(not isinstance(table, dict) for table in tables.values()):
        raise UsageError(f"{path}: each row stands in a table, such as [lengths]")
    return tables


def check_names(annotations: Annotations, program: DriverProgram) -> None:
    """See that patterns name functions of the driver's own. Raises: UsageError for one that names nothing."""
    own = [name for name, each in program.functions.items() if each.own]
    for pattern in annotations.kernel:
        if not matching(own, pattern):
            raise UsageError(f"the annotation [kernel] {pattern!r} names no function of {program.name}'s")
