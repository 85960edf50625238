"""The objects that both halves know, and the fields that cross with each call, as tables.

The field analysis names fields by record and path. Here each gets its places: in objects that the kernel gives to the
driver or that arguments and pointers lead to, with the record at every place where one of those embeds it. Offsets are
the compiler's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from slicer.fields import Crossing
from slicer.knowledge import Knowledge
from slicer.program import DriverProgram
from slicer.tree import RecordField, Type, TypeOf

ALL = "*"  # a path to all fields of a record
VARIABLE = "variable "  # before a variable's name, in place of a record's
PRIVATE = "priv"  # the driver's own record behind one of the kernel's, in paths
IN, OUT = 1, 2
WIDTHS = (1, 2, 4, 8)
LONGEST = 0xFFFF  # bytes of a field


class Marshal(StrEnum):
    """The parts of an object that cross with a call."""

    FIELDS = "fields"
    """The fields that the call needs."""
    WHOLE = "whole"
    """All of each object of which the call needs a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableField:
    """A field of an object. `shape`: scalar, bytes, pointer, string, data or bits; `size`: bytes.

    `to`: the record that a pointer leads to, if that is an object's type; `mask`: of a bit field, in its bytes;
    `length`: bytes that a pointer of shape data leads to.
    """

    path: str
    shape: str
    offset: int
    size: int
    to: str = ""
    mask: int = 0
    length: int = 0


@dataclass(slots=True, kw_only=True)
class ObjectType:
    """A type of objects: a record, with the driver's own one behind it if there is one; or a variable.

    `fields`: by path, in order of their first use.
    """

    name: str
    record: str
    size: int
    private: str = ""
    private_at: int = 0
    variable: str = ""
    fields: dict[str, TableField] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """A field that crosses with a call. `mode`: IN, or IN and OUT."""

    type: str
    path: str
    mode: int


class ContractTables:
    """The types of a driver, which grow with each call's fields."""

    def __init__(self, program: DriverProgram, knowledge: Knowledge, roots: Iterable[str], private: Mapping[str, str]):
        """`roots`: the records that arguments and pointers lead to; `private`: record -> the own one behind it."""
        self.program = program
        self.knowledge = knowledge
        self.types: dict[str, ObjectType] = {}
        self.problems: list[str] = []
        self.sizes = frozenset(knowledge.memory.lengths.values())  # the kernel's half reads them itself
        self.homeless: dict[str, str] = {}
        """Records that no object holds, each with an upcall that uses one."""
        for record in sorted(roots):
            self.add(record, private.get(record, ""))

    def add(self, record: str, private: str) -> None:
        """A type for a record."""
        known = self.program.records[record]
        size, at = known.size_bytes, 0
        if private:
            at, size = size, size + self.program.records[private].size_bytes
        self.types[record] = ObjectType(name=record, record=record, size=size, private=private, private_at=at)

    def accesses(self, crossing: Crossing) -> list[Access]:
        """The fields that cross with a call, in all places where each may lie."""
        modes: defaultdict[tuple[str, str], int] = defaultdict(int)
        for (record, path), access in crossing.fields.items():
            if record in self.knowledge.calls.own:
                continue
            mode = IN | (OUT if "w" in access else 0)
            for kind, each in self.places(record, path, mode, crossing.upcall):
                modes[kind.name, each.path] |= mode
                kind.fields.setdefault(each.path, each)
        return [Access(kind, path, mode) for (kind, path), mode in modes.items()]

    def whole_objects(self, calls: Mapping[str, list[Access]]) -> dict[str, list[Access]]:
        """The same calls, with all of each object that they touch; what no call names crosses to the process alone.

        `calls`: by upcall, of all of them.
        """
        written = {(each.type, each.path) for rows in calls.values() for each in rows if each.mode & OUT}
        for kind in self.types.values():
            kind.fields |= {each.path: each for each in gaps(kind)} if kind.fields else {}
        every = {
            kind.name: [Access(kind.name, path, IN | (OUT * ((kind.name, path) in written))) for path in kind.fields]
            for kind in self.types.values()
        }
        return {
            name: [row for kind in dict.fromkeys(each.type for each in rows) for row in every[kind]]
            for name, rows in calls.items()
        }

    def places(self, record: str, path: str, mode: int, upcall: str) -> Iterator[tuple[ObjectType, TableField]]:
        """All places of a field."""
        if record.startswith(VARIABLE):
            yield from self.variable(record.removeprefix(VARIABLE), path, mode, upcall)
            return
        homes = list(self.homes(record))
        if not homes and f"{record}.{path}" not in self.sizes:
            self.homeless.setdefault(record, upcall)
        for kind, prefix, offset in homes:
            for each in self.leaves(prefix, offset * 8, record, path, mode, upcall):
                yield kind, each

    def variable(self, name: str, path: str, mode: int, upcall: str) -> Iterator[tuple[ObjectType, TableField]]:
        """The fields of a variable."""
        known = self.program.globals[name]
        size = self.program.types[known.type].size_bytes
        if "." in name:
            return  # of one function of the process
        if size <= 0:
            self.problem(f"{upcall}: the variable {name} cannot be shared: its size is not known")
            return
        kind = self.types.setdefault(name, ObjectType(name=name, record="", size=size, variable=name))
        inner = self.program.types[known.type]
        if path and inner.kind == "record":
            found = self.leaves(f"{name}.", 0, inner.name, path, mode, upcall)
        else:
            found = self.whole(name, 0, known.type, mode, upcall)  # also for an element of an array
        yield from ((kind, each) for each in found)

    def homes(self, record: str) -> Iterator[tuple[ObjectType, str, int]]:
        """The objects that hold a record, each with the path to it, and its offset in bytes."""
        for kind in list(self.types.values()):
            if kind.variable:
                continue
            for prefix, offset in self.embedded(kind.record, record):
                yield kind, prefix, offset
            for prefix, offset in self.embedded(kind.private, record) if kind.private else ():
                yield kind, f"{PRIVATE}.{prefix}", kind.private_at + offset

    @cache  # noqa: B019 - it lives as long as one slicing
    def embedded(self, outer: str, inner: str) -> tuple[tuple[str, int], ...]:
        """The places of a record within another one, or itself."""
        return tuple(self.search(outer, inner))

    def search(self, outer: str, inner: str) -> Iterator[tuple[str, int]]:
        """The same, afresh."""
        if outer == inner:
            yield "", 0
            return
        known = self.program.records.get(outer)
        for each in known.fields if known else ():
            for index, offset, kind in self.elements(each.type):
                if kind.kind == "record" and kind.name not in self.knowledge.calls.own:
                    for prefix, at in self.embedded(kind.name, inner):
                        yield f"{each.name}{index}.{prefix}", each.offset_bits // 8 + offset + at

    def elements(self, number: Type) -> Iterator[tuple[str, int, TypeOf]]:
        """A type, or each element of an array of known size: index as C has it, offset, type."""
        kind = self.program.types[number]
        if kind.kind != "array":
            yield "", 0, kind
            return
        size = self.program.types[kind.to].size_bytes
        for index in range(kind.size_bytes // size if size > 0 and kind.size_bytes > 0 else 0):
            for inner, offset, element in self.elements(kind.to):
                yield f"[{index}]{inner}", index * size + offset, element

    def leaves(
        self, prefix: str, start_bits: int, record: str, path: str, mode: int, upcall: str
    ) -> Iterator[TableField]:
        """The fields that a path within a record stands for, one for each element of the arrays on the way."""
        known = self.program.records.get(record)
        first, _, rest = path.partition(".")
        name, _, number = first.partition("[")
        only = f"[{number}" if number else ""
        if known is None:
            self.problem(f"{upcall}: the fields of {record} are not known")
        elif name == ALL:
            for each in known.fields:
                yield from self.leaves(prefix, start_bits, record, each.name, mode, upcall)
        elif (found := next((each for each in known.fields if each.name == name), None)) is None:
            self.problem(f"{upcall}: {record} has no field {name}")
        elif rest:
            for index, offset, kind in self.elements(found.type):
                at = start_bits + found.offset_bits + 8 * offset
                if only and not index.startswith(only):
                    continue
                yield from self.leaves(f"{prefix}{name}{index}.", at, kind.name, rest, mode, upcall)
        elif only:
            kind = self.program.types[found.type]
            at = start_bits + found.offset_bits + 8 * int(number[:-1]) * self.program.types[kind.to].size_bytes
            yield from self.whole(f"{prefix}{first}", at, kind.to, mode, upcall)
        else:
            yield from self.field(prefix, start_bits, record, found, mode, upcall)

    def field(
        self, prefix: str, start_bits: int, record: str, found: RecordField, mode: int, upcall: str
    ) -> Iterator[TableField]:
        """The fields that one field of a record stands for."""
        path, at = f"{prefix}{found.name}", start_bits + found.offset_bits
        length = self.knowledge.memory.lengths.get(f"{record}.{found.name}", "")
        if found.bits >= 0:
            yield bit_field(path, at, found.bits)
        elif length.isdigit() and self.of_numbers(kind := self.program.types[found.type]):
            count = int(length) * max(1, self.program.types[kind.to].size_bytes)
            if kind.kind == "array":
                yield TableField(path=path, shape="bytes", offset=at // 8, size=count)
            else:
                yield TableField(path=path, shape="data", offset=at // 8, size=8, length=count)
        else:
            yield from self.whole(path, at, found.type, mode, upcall)

    def of_numbers(self, kind: TypeOf) -> bool:
        """True for an array of numbers, and for a pointer to them."""
        return kind.kind in ("pointer", "array") and self.program.types[kind.to].kind == "number"

    def whole(self, path: str, at: int, number: Type, mode: int, upcall: str) -> Iterator[TableField]:
        """The fields that a place of some type stands for."""
        kind = self.program.types[number]
        if kind.kind == "record":
            if kind.name not in self.knowledge.calls.own:
                yield from self.leaves(f"{path}.", at, kind.name, ALL, mode, upcall)
        elif kind.kind == "array":
            element = self.program.types[kind.to]
            if kind.size_bytes < 0:
                self.problem(f"{upcall}: {path} is an array of unknown length: add a row to [lengths]")
            elif element.kind == "number":
                yield TableField(path=path, shape="bytes", offset=at // 8, size=kind.size_bytes)
            else:
                for index in range(max(0, kind.size_bytes) // max(1, element.size_bytes)):
                    yield from self.whole(
                        f"{path}[{index}]", at + 8 * index * element.size_bytes, kind.to, mode, upcall
                    )
        elif kind.kind == "pointer":
            yield self.pointer(path, at, kind, mode, upcall)
        elif kind.size_bytes in WIDTHS:
            yield TableField(path=path, shape="scalar", offset=at // 8, size=kind.size_bytes)
        else:
            self.problem(f"{upcall}: {path} has a type that cannot cross: {kind.name or kind.kind}")

    def pointer(self, path: str, at: int, kind: TypeOf, mode: int, upcall: str) -> TableField:
        """A pointer: to a string, or to an object, or to what the kernel alone knows."""
        target = self.program.types[kind.to]
        if target.name == "char":
            if mode & OUT:
                self.problem(f"{upcall}: the process writes the string {path}, which cannot cross")
            return TableField(path=path, shape="string", offset=at // 8, size=8)
        to = target.name if target.kind == "record" and target.name in self.types else ""
        return TableField(path=path, shape="pointer", offset=at // 8, size=8, to=to)

    def problem(self, text: str) -> None:
        """Note what cannot cross."""
        if text not in self.problems:
            self.problems.append(text)


def gaps(kind: ObjectType) -> Iterator[TableField]:
    """The bytes of an object that no field names, as fields of bytes."""
    at = 0
    for start, end in sorted((each.offset, each.offset + each.size) for each in kind.fields.values()):
        yield from filler(at, start)
        at = max(at, end)
    yield from filler(at, kind.size)


def filler(start: int, end: int) -> Iterator[TableField]:
    """Fields of bytes from one offset up to another."""
    for at in range(start, end, LONGEST):
        yield TableField(path=f"({at})", shape="bytes", offset=at, size=min(LONGEST, end - at))


def bit_field(path: str, at_bits: int, bits: int) -> TableField:
    """A bit field, within the smallest bytes that hold it."""
    for size in WIDTHS:
        start = at_bits // (8 * size) * (8 * size)
        if at_bits + bits <= start + 8 * size:
            mask = ((1 << bits) - 1) << (at_bits - start)
            return TableField(path=path, shape="bits", offset=start // 8, size=size, mask=mask)
    raise ValueError(f"{path} spans more than eight bytes")
