"""The language that drivers are read into: places, values, statements; functions, types and records.

It says what a function reads, writes, calls and passes on, and in which order statements stand. Names of variables are
unique within their function. Arithmetic is a `Mix` of its operands, as no analysis here asks for numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

Type = int
"""The number of a type in a program's table."""


@dataclass(frozen=True, slots=True)
class Var:
    """A variable: `scope` is local, parameter or global."""

    name: str
    scope: str
    type: Type


@dataclass(frozen=True, slots=True)
class Deref:
    """The place that a pointer points to."""

    pointer: Value
    type: Type


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A named field; steps through structs without a name are left out."""

    base: Place
    record: str
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Element:
    """An element of an array. `number`: which one, or -1 if that is no constant."""

    base: Place
    index: Value
    number: int
    type: Type


@dataclass(frozen=True, slots=True)
class Temporary:
    """A value that has no place of its own, such as a struct that a function returns."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a string, or an operand that is never computed."""


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """The address of a string literal."""


@dataclass(frozen=True, slots=True)
class Load:
    """The content of a place."""

    place: Place


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a place."""

    place: Place


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call: of a function by name, or through a pointer."""

    callee: Value
    arguments: tuple[Value, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Mix:
    """Any of some values, or what arithmetic makes of them."""

    parts: tuple[Value, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Offset:
    """A pointer, moved by numbers."""

    base: Value
    by: tuple[Value, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Cast:
    """A value under another type, one of the two being a pointer."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment; `reads`: the old content counts, as in `+=`."""

    place: Place
    value: Value
    reads: bool


@dataclass(frozen=True, slots=True)
class Container:
    """`container_of()`: the record around a field, by the field's address."""

    value: Value
    record: str
    path: tuple[str, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Initial:
    """An initialiser: values by the steps to their place; `[]` is an element of an array."""

    items: tuple[tuple[tuple[tuple[str, str], ...], Value], ...]  # a step: record, field
    type: Type


@dataclass(frozen=True, slots=True)
class Block:
    """Statements, the last of which is the value."""

    body: tuple[Statement, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Assembler:
    """Machine code that is written out, with its operands."""

    operands: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Do:
    """A value that is computed for its effects."""

    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class If:
    """A branch."""

    condition: Value
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop, or a switch: conditions and steps are among its statements."""

    body: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Return:
    """The end of a function."""

    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Jump:
    """A goto, break or continue."""

    line: int


Place = Var | Deref | FieldPlace | Element | Temporary
Value = (
    Constant | StringLiteral | Load | Address | FunctionValue | Invocation | Mix | Offset | Cast | Assignment
    | Container | Initial | Block | Assembler
)  # fmt: skip
Statement = Do | If | Loop | Return | Jump


@dataclass(frozen=True, slots=True)
class TypeOf:
    """A type: `kind` is void, number, pointer, record, array, function or other. `to` is the pointee or the element."""

    kind: str
    name: str
    size_bytes: int  # -1 if it has none
    to: Type  # -1 if there is none


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field of a record: bits from its beginning; `bits` is the width of a bit field, or -1."""

    name: str
    offset_bits: int
    bits: int
    type: Type


@dataclass(frozen=True, slots=True)
class RecordType:
    """A struct or union; fields of nameless ones within it are its own. `own`: the driver's files define it."""

    name: str
    size_bytes: int
    union: bool
    own: bool
    file: str
    fields: tuple[RecordField, ...]


@dataclass(frozen=True, slots=True)
class Defined:
    """A function with its body. `own`: the driver's files define it; `made`: a macro's text does, so it has none.

    `braces`: the first byte of the body's text in its file, and the one behind it.
    """

    name: str
    file: str
    line: int
    lines: int
    own: bool
    static: bool
    inline: bool
    made: bool
    braces: tuple[int, int]
    parameters: tuple[Var, ...]
    type: Type  # of its result
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """A function without a body here. `own`: it is declared in the driver's files alone, so it is another module's."""

    name: str
    own: bool
    type: Type  # of its result
    parameters: tuple[Type, ...]
    typedefs: tuple[str, ...]  # the names of the parameters' types as they are written


@dataclass(frozen=True, slots=True)
class Global:
    """A variable of a file. `own`: the driver's files declare it; `defined`: they define it, with an initialiser.

    `constant`: nobody may write it.
    """

    name: str
    file: str
    constant: bool
    own: bool
    defined: bool
    static: bool
    type: Type
    initial: Value


@dataclass(frozen=True, slots=True)
class UnitTree:
    """A C file, read: functions with bodies, others that it names, variables; and what the compiler refuses."""

    file: str
    errors: tuple[str, ...]
    functions: tuple[Defined, ...]
    declared: tuple[Declared, ...]
    globals: tuple[Global, ...]


@dataclass(frozen=True, slots=True)
class ModuleTree:
    """The C files of a module, with one table of types and one of records."""

    units: tuple[UnitTree, ...]
    types: tuple[TypeOf, ...]
    records: tuple[RecordType, ...]


NODES: tuple[type, ...] = (
    Var, Deref, FieldPlace, Element, Temporary, Constant, StringLiteral, Load, Address, FunctionValue, Invocation, Mix,
    Offset, Cast, Assignment, Container, Initial, Block, Assembler, Do, If, Loop, Return, Jump, TypeOf, RecordField,
    RecordType, Defined, Declared, Global, UnitTree, ModuleTree,
)  # fmt: skip
NUMBER = {cls: number for number, cls in enumerate(NODES)}
NAMES = {cls: tuple(field.name for field in fields(cls)) for cls in NODES}


def data_of(node: Any) -> Any:
    """A node as JSON has it: the number of its class before its fields; a tuple begins with null."""
    if isinstance(node, tuple):
        return [None, *map(data_of, node)]
    number = NUMBER.get(type(node))
    return node if number is None else [number, *(data_of(getattr(node, name)) for name in NAMES[type(node)])]


def node_of(data: Any) -> Any:
    """The node that `data_of` made this of."""
    if not isinstance(data, list):
        return data
    number, *parts = data
    inner = map(node_of, parts)
    return tuple(inner) if number is None else NODES[number](*inner)


def parts(node: Any) -> Iterator[Any]:
    """The nodes that a node is made of, in order."""
    for name in NAMES[type(node)]:
        inner = getattr(node, name)
        if isinstance(inner, tuple):
            yield from flat(inner)
        elif type(inner) in NUMBER:
            yield inner


def flat(items: tuple[Any, ...]) -> Iterator[Any]:
    """The nodes in nested tuples."""
    for item in items:
        if isinstance(item, tuple):
            yield from flat(item)
        elif type(item) in NUMBER:
            yield item


def nodes(node: Any) -> Iterator[Any]:
    """A node and all nodes below it, outer ones first."""
    pending = [node]
    while pending:
        each = pending.pop()
        yield each
        pending.extend(reversed(list(parts(each))))
