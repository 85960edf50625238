"""A C file, parsed by libclang, as the language of `tree`: macros are expanded, types and layouts are the compiler's.

Operands that C never computes are left out: those of `sizeof`, `typeof`, `offsetof` and `__builtin_constant_p()`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from clang.cindex import Cursor, CursorKind, Index, StorageClass, TranslationUnit, TranslationUnitLoadError, conf
from clang.cindex import Type as ClangType
from clang.cindex import TypeKind as Kind

from faultkit.model.errors import HarnessError
from slicer.source import Source, Unit
from slicer.tree import (
    Address,
    Assembler,
    Assignment,
    Block,
    Cast,
    Constant,
    Container,
    Declared,
    Defined,
    Deref,
    Do,
    Element,
    FieldPlace,
    FunctionValue,
    Global,
    If,
    Initial,
    Invocation,
    Jump,
    Load,
    Loop,
    Mix,
    ModuleTree,
    Offset,
    Place,
    RecordField,
    RecordType,
    Return,
    Statement,
    StringLiteral,
    Temporary,
    Type,
    TypeOf,
    UnitTree,
    Value,
    Var,
)

ERROR = 3  # the lowest severity of libclang's that ends a compilation
ASSIGN = 22  # numbers of libclang's, for operators
COMPOUND = range(23, 33)
COMMA = 33
ADDITIVE = (6, 7)
STEPS = (1, 2, 3, 4)
ADDRESS_OF = 5
DEREFERENCE = 6
NEVER_COMPUTED = (
    "__builtin_constant_p", "__builtin_object_size", "__builtin_dynamic_object_size", "__builtin_types_compatible_p",
)  # fmt: skip
ITS_FIRST = ("__builtin_expect", "__builtin_expect_with_probability", "__builtin_assume_aligned")
ASSERTED = (
    "__compiletime_assert",
    "__builtin_unreachable",
    "__bad_",
    "__field_overflow",
    "__read_overflow",
    "__write_overflow",
)
ARRAYS = (Kind.CONSTANTARRAY, Kind.INCOMPLETEARRAY, Kind.VARIABLEARRAY, Kind.DEPENDENTSIZEDARRAY)
FUNCTIONS = (Kind.FUNCTIONPROTO, Kind.FUNCTIONNOPROTO)
NUMBERS = (
    Kind.BOOL, Kind.CHAR_U, Kind.UCHAR, Kind.USHORT, Kind.UINT, Kind.ULONG, Kind.ULONGLONG, Kind.UINT128, Kind.CHAR_S,
    Kind.SCHAR, Kind.WCHAR, Kind.SHORT, Kind.INT, Kind.LONG, Kind.LONGLONG, Kind.INT128, Kind.ENUM, Kind.FLOAT,
    Kind.DOUBLE,
)  # fmt: skip
NOTHING = Constant()
PLACES = (CursorKind.DECL_REF_EXPR, CursorKind.MEMBER_REF_EXPR, CursorKind.ARRAY_SUBSCRIPT_EXPR)
RECORDS = (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL)


def operator(name: str) -> Callable[[Cursor], int]:
    """A function of libclang's that gives an operator's number, which its Python module does not offer."""
    found = getattr(conf.lib, name)
    found.argtypes, found.restype = [Cursor], ctypes.c_int
    return found  # type: ignore[no-any-return]


binary = operator("clang_getCursorBinaryOperatorKind")
unary = operator("clang_getCursorUnaryOperatorKind")
initialiser = conf.lib.clang_Cursor_getVarDeclInitializer
initialiser.argtypes, initialiser.restype = [Cursor], Cursor


def lowered(source: Source) -> ModuleTree:
    """The C files of a module in the language of `tree`. Raises: HarnessError if libclang gives no tree at all."""
    tables = Tables()
    units = tuple(Lowering(parsed(unit), source, tables).unit(str(unit.file)) for unit in source.units)
    records = tuple(record for _, record in sorted(tables.records.items()) if record)
    return ModuleTree(units, tuple(tables.types), records)


def parsed(unit: Unit) -> TranslationUnit:
    """A C file in libclang's own tree. Raises: HarnessError."""
    try:
        return Index.create().parse(str(unit.file), args=list(unit.options))
    except TranslationUnitLoadError:
        raise HarnessError(f"libclang cannot read {unit.file}") from None


class Tables:
    """The types and records of a module, which its files share."""

    def __init__(self) -> None:
        self.types: list[TypeOf] = []
        self.numbers: dict[str, Type] = {}
        self.records: dict[str, RecordType | None] = {}


class Lowering:
    """The way from libclang's tree of one C file to ours."""

    def __init__(self, parsed: TranslationUnit, source: Source, tables: Tables) -> None:
        self.parsed = parsed
        self.source = source
        self.types = tables.types
        self.numbers = tables.numbers
        self.records = tables.records
        self.names: dict[int, str] = {}  # of records, by declaration
        self.definitions: dict[str, Cursor] = {}
        self.done: dict[str, Defined] = {}
        self.named: dict[str, Cursor] = {}  # functions without a body here
        self.globals: dict[str, Global] = {}
        self.wanted: list[str] = []
        self.function = ""
        self.locals: dict[int, Var] = {}
        self.count: dict[str, int] = {}
        self.homes: dict[str, bool] = {}

    def unit(self, file: str) -> UnitTree:
        """The whole file: the driver's own functions and variables, and all that they reach in the kernel's headers."""
        errors = [text(each, self.source) for each in self.parsed.diagnostics if each.severity >= ERROR]
        self.read_tops()
        while self.wanted:
            name = self.wanted.pop()
            if name not in self.done and name in self.definitions:
                self.done[name] = self.defined(self.definitions[name])
        return UnitTree(
            file=self.source.relative(file),
            errors=tuple(errors),
            functions=tuple(self.done[name] for name in sorted(self.done)),
            declared=tuple(self.declared(self.named[name]) for name in sorted(self.named)),
            globals=tuple(self.globals[name] for name in sorted(self.globals)),
        )

    def read_tops(self) -> None:
        """Note all functions with bodies; read the driver's own variables."""
        variables = []
        for top in self.parsed.cursor.get_children():
            if top.kind == CursorKind.FUNCTION_DECL and top.is_definition():
                self.definitions[top.spelling] = top
                if self.own(top):
                    self.wanted.append(top.spelling)
            elif top.kind == CursorKind.VAR_DECL and self.own(top):
                variables.append(top)
        for each in variables:
            self.global_variable(each, each.spelling)

    def own(self, cursor: Cursor) -> bool:
        """True if a driver's file holds this, and no header of the kernel's."""
        file = cursor.location.file
        name = file.name if file else ""
        if name not in self.homes:
            self.homes[name] = bool(name) and not Path(self.source.relative(name)).is_absolute()
        return self.homes[name]

    # Functions and variables.

    def defined(self, cursor: Cursor) -> Defined:
        """A function with its body."""
        self.function, self.locals, self.count = cursor.spelling, {}, {}
        parameters = tuple(self.variable(each, "parameter") for each in cursor.get_arguments())
        body = next(each for each in cursor.get_children() if each.kind == CursorKind.COMPOUND_STMT)
        start, end = cursor.extent.start, cursor.extent.end
        return Defined(
            name=cursor.spelling,
            file=self.source.relative(cursor.location.file.name),
            line=cursor.location.line,
            lines=end.line - start.line + 1,
            own=self.own(cursor),
            static=cursor.storage_class == StorageClass.STATIC,
            inline=bool(conf.lib.clang_Cursor_isFunctionInlined(cursor)),
            made=start.offset == body.extent.start.offset,
            braces=(body.extent.start.offset, body.extent.end.offset),
            parameters=parameters,
            type=self.type(cursor.result_type),
            body=tuple(self.statements(body)),
        )

    def declared(self, cursor: Cursor) -> Declared:
        """A function that has no body here."""
        kinds = [each.type for each in cursor.get_arguments()]
        return Declared(
            name=cursor.spelling,
            own=self.own(cursor),
            type=self.type(cursor.result_type),
            parameters=tuple(map(self.type, kinds)),
            typedefs=tuple(each.spelling for each in kinds),
        )

    def variable(self, cursor: Cursor, scope: str) -> Var:
        """A variable of a function, under a name that no other one of the function has."""
        name = cursor.spelling or f"argument{len(self.locals)}"
        self.count[name] = number = self.count.get(name, 0) + 1
        found = Var(name if number == 1 else f"{name}.{number}", scope, self.type(cursor.type))
        self.locals[cursor.hash] = found
        return found

    def global_variable(self, cursor: Cursor, name: str) -> None:
        """A variable of the file, or a static one of a function."""
        had, begun = self.globals.get(name), not initialiser(cursor).kind.is_invalid()
        if had is not None and not begun:
            return
        own, static = self.own(cursor), cursor.storage_class == StorageClass.STATIC
        defined = own and (begun or cursor.storage_class != StorageClass.EXTERN)
        kind = self.type(cursor.type)
        known = partial(Global, name, self.source.relative(cursor.location.file.name), constant(cursor.type))
        self.globals[name] = known(own, defined, static, kind, NOTHING)  # it may name itself
        if own and begun:
            initial = self.value(expressions(cursor)[-1])
            self.globals[name] = known(own, defined, static, kind, initial)

    # Types and records.

    def type(self, kind: ClangType) -> Type:
        """The number of a type."""
        canonical = kind.get_canonical()
        name = canonical.spelling
        number = self.numbers.get(name)
        if number is None:
            self.numbers[name] = number = len(self.types)
            self.types.append(TypeOf("other", "", -1, -1))  # it may lead to itself
            self.types[number] = self.described(canonical)
        return number

    def described(self, kind: ClangType) -> TypeOf:
        """A canonical type."""
        if kind.kind == Kind.POINTER:
            return TypeOf("pointer", "", kind.get_size(), self.type(kind.get_pointee()))
        if kind.kind in ARRAYS:
            size = kind.get_size() if kind.kind == Kind.CONSTANTARRAY else -1
            return TypeOf("array", "", size, self.type(kind.element_type))
        if kind.kind == Kind.RECORD:
            return TypeOf("record", self.record(kind.get_declaration()), kind.get_size(), -1)
        if kind.kind in FUNCTIONS:
            return TypeOf("function", kind.spelling, -1, -1)
        name = kind.spelling.replace("const ", "").replace("volatile ", "")
        if kind.kind in NUMBERS:  # libclang dies of a question for the size of some others
            return TypeOf("number", name, kind.get_size(), -1)
        return TypeOf("void" if kind.kind == Kind.VOID else "other", name, -1, -1)

    def record(self, declaration: Cursor) -> str:
        """The name of a record."""
        key = declaration.hash
        if key not in self.names:
            self.names[key] = self.record_name(declaration)
        return self.names[key]

    def record_name(self, declaration: Cursor) -> str:
        """The name of a record; a nameless one is called by the field that it is the type of."""
        name: str = declaration.spelling.replace("struct ", "").replace("union ", "")
        if name and "(" not in name:
            return name
        around = declaration.semantic_parent
        for field in around.type.get_fields() if around is not None and around.kind in RECORDS else ():
            kind = field.type.get_canonical()
            while kind.kind in ARRAYS:
                kind = kind.element_type.get_canonical()
            if kind.kind == Kind.RECORD and kind.get_declaration().hash == declaration.hash and field.spelling:
                return f"{self.record(around)}.{field.spelling}"
        place = declaration.location
        return f"(nameless {Path(place.file.name).name if place.file else ''}:{place.line}:{place.column})"

    def layout(self, kind: ClangType) -> str:
        """The name of a record whose fields are named, whose layout is noted with it."""
        kind = kind.get_canonical()
        declaration = kind.get_declaration()
        name = self.record(declaration)
        if name not in self.records:
            self.records[name] = None
            definition = declaration.get_definition() or declaration
            found = tuple(self.members(kind, 0))
            file = definition.location.file
            self.records[name] = RecordType(
                name=name,
                size_bytes=kind.get_size(),
                union=declaration.kind == CursorKind.UNION_DECL,
                own=self.own(definition),
                file=self.source.relative(file.name) if file else "",
                fields=found,
            )
        return name

    def members(self, kind: ClangType, base_bits: int) -> Iterator[RecordField]:
        """The fields of a record, and those of nameless records within it."""
        for field in kind.get_fields():
            inner = field.type.get_canonical()
            offset = base_bits + max(0, field.get_field_offsetof())
            if inner.kind == Kind.RECORD and (not field.spelling or "(" in field.spelling):
                yield from self.members(inner, offset)
                continue
            bits = field.get_bitfield_width() if field.is_bitfield() else -1
            yield RecordField(field.spelling, offset, bits, self.type(field.type))
            while inner.kind in ARRAYS:
                inner = inner.element_type.get_canonical()
            if inner.kind == Kind.RECORD:
                self.layout(inner)

    # Statements.

    def statements(self, cursor: Cursor) -> Iterator[Statement]:
        """A statement, as ours; a compound one is what it holds."""
        kind = cursor.kind
        if handler := STATEMENTS.get(kind):
            yield from handler(self, cursor)
        elif kind.is_expression():
            yield Do(self.value(cursor), cursor.location.line)
        else:
            for each in cursor.get_children():
                yield from self.statements(each)

    def branch(self, cursor: Cursor) -> Iterator[Statement]:
        """An if."""
        condition, then, *otherwise = cursor.get_children()
        yield If(
            self.value(condition),
            tuple(self.statements(then)),
            tuple(each for part in otherwise for each in self.statements(part)),
            cursor.location.line,
        )

    def loop(self, cursor: Cursor) -> Iterator[Statement]:
        """A loop or a switch."""
        inner = tuple(each for part in cursor.get_children() for each in self.statements(part))
        yield Loop(inner, cursor.location.line)

    def leave(self, cursor: Cursor) -> Iterator[Statement]:
        """A return."""
        found = expressions(cursor)
        yield Return(self.value(found[-1]) if found else NOTHING, cursor.location.line)

    def jump(self, cursor: Cursor) -> Iterator[Statement]:
        """A goto, break or continue."""
        yield Jump(cursor.location.line)

    def declare(self, cursor: Cursor) -> Iterator[Statement]:
        """The variables that a statement declares."""
        for each in cursor.get_children():
            if each.kind != CursorKind.VAR_DECL:
                continue
            if each.storage_class in (StorageClass.STATIC, StorageClass.EXTERN):
                self.reach_global(each)
                continue
            variable = self.variable(each, "local")
            if not initialiser(each).kind.is_invalid():
                yield Do(Assignment(variable, self.value(expressions(each)[-1]), False), each.location.line)

    def assembler(self, cursor: Cursor) -> Iterator[Statement]:
        """Machine code: each operand that has a place may be read and written."""
        found = []
        for each in expressions(cursor):
            bare = each
            while bare.kind == CursorKind.PAREN_EXPR:
                bare = expressions(bare)[0]
            is_place = bare.kind in PLACES or (bare.kind == CursorKind.UNARY_OPERATOR and unary(bare) == DEREFERENCE)
            is_place = is_place and self.referred(bare) != CursorKind.ENUM_CONSTANT_DECL
            found.append(Assignment(self.place(bare), NOTHING, True) if is_place else self.value(each))
        yield Do(Assembler(tuple(found)), cursor.location.line)

    def referred(self, cursor: Cursor) -> CursorKind | None:
        """The kind of what a name refers to."""
        return cursor.referenced.kind if cursor.kind == CursorKind.DECL_REF_EXPR and cursor.referenced else None

    # Values.

    def value(self, cursor: Cursor) -> Value:
        """An expression as a value."""
        handler = VALUES.get(cursor.kind)
        return handler(self, cursor) if handler else self.mixed(cursor)

    def mixed(self, cursor: Cursor) -> Value:
        """Any expression as its operands' mixture."""
        return self.mixture(map(self.value, expressions(cursor)), cursor)

    def mixture(self, values: Iterable[Value], cursor: Cursor) -> Value:
        """Any of some values; constants count for nothing."""
        found = tuple(dict.fromkeys(value for value in values if value != NOTHING))
        if len(found) < 2:
            return found[0] if found else NOTHING
        return Mix(found, self.type(cursor.type))

    def inner(self, cursor: Cursor) -> Value:
        """The value in brackets."""
        return self.value(expressions(cursor)[-1])

    def implicit(self, cursor: Cursor) -> Value:
        """A conversion that is not written, or an expression that libclang has no name for."""
        found = list(cursor.get_children())
        if any(each.kind == CursorKind.MEMBER_REF for each in found):
            return NOTHING  # offsetof()
        operands = [each for each in found if each.kind.is_expression()]
        if len(operands) != 1:
            return self.mixed(cursor)
        return self.converted(operands[0], cursor.type)

    def converted(self, operand: Cursor, kind: ClangType) -> Value:
        """An operand under another type."""
        inner = self.value(operand)
        now, before = kind.get_canonical().kind, operand.type.get_canonical().kind
        if before in ARRAYS or before in FUNCTIONS or inner == NOTHING or now == before != Kind.POINTER:
            return inner
        if Kind.POINTER in (now, before):
            number = self.type(kind)
            return inner if number == self.type(operand.type) else Cast(inner, number)
        return inner

    def cast(self, cursor: Cursor) -> Value:
        """A conversion that is written."""
        return self.converted(expressions(cursor)[-1], cursor.type)

    def name(self, cursor: Cursor) -> Value:
        """A name: a function, a constant, or the content of a variable; of an array its address."""
        found = cursor.referenced
        if found is None or found.kind == CursorKind.ENUM_CONSTANT_DECL:
            return NOTHING
        if found.kind == CursorKind.FUNCTION_DECL:
            return FunctionValue(self.reach(found))
        return self.content(cursor)

    def content(self, cursor: Cursor) -> Value:
        """The content of a place; of an array or function its address."""
        place = self.place(cursor)
        kind = cursor.type.get_canonical().kind
        if kind in FUNCTIONS and isinstance(place, Deref):
            return place.pointer
        return Address(place) if kind in ARRAYS else Load(place)

    def reach(self, function: Cursor) -> str:
        """The name of a function that is used: its body is wanted, or it has none here."""
        name: str = function.spelling
        if name in self.definitions:
            self.wanted.append(name)
        else:
            had = self.named.get(name)
            if had is None or self.own(had):  # a declaration in the kernel's headers counts before others
                self.named[name] = function if had is None or not self.own(function) else had
        return name

    def place(self, cursor: Cursor) -> Place:
        """An expression as a place."""
        handler = AS_PLACE.get(cursor.kind)
        found = handler(self, cursor) if handler else None
        return found if found is not None else Temporary(self.value(cursor), self.type(cursor.type))

    def bracketed_place(self, cursor: Cursor) -> Place:
        """The place in brackets, or behind a conversion of a struct to itself."""
        return self.place(expressions(cursor)[-1])

    def converted_place(self, cursor: Cursor) -> Place | None:
        """The place behind a conversion that is not written."""
        found = list(cursor.get_children())
        if len(found) == 1 and found[0].kind.is_expression():
            return self.place(found[0])
        return None

    def named_place(self, cursor: Cursor) -> Place | None:
        """The place of a variable."""
        found = cursor.referenced
        if found is None or found.kind not in (CursorKind.VAR_DECL, CursorKind.PARM_DECL):
            return None
        known = self.locals.get(found.hash)
        return known if known is not None else self.reach_global(found)

    def reach_global(self, variable: Cursor) -> Var:
        """A global variable, or a static one of the function: its name is made unique with the function's."""
        parent = variable.semantic_parent
        within = parent is not None and parent.kind == CursorKind.FUNCTION_DECL
        alone = not within or variable.storage_class == StorageClass.EXTERN
        name = variable.spelling if alone else f"{parent.spelling}.{variable.spelling}"
        if name not in self.globals:
            self.global_variable(variable, name)
        return Var(name, "global", self.type(variable.type))

    def member(self, cursor: Cursor) -> Place | None:
        """The place of a field."""
        found = expressions(cursor)
        if not found:
            return None
        base, kind = found[0], found[0].type.get_canonical()
        if kind.kind == Kind.POINTER:
            target = kind.get_pointee()
            around: Place = Deref(self.value(base), self.type(target))
        else:
            target, around = kind, self.place(base)
        if not cursor.spelling or "(" in cursor.spelling:
            return around
        while isinstance(around, Temporary) and isinstance(around.value, Load):
            around = around.value.place
        return FieldPlace(around, self.layout(self.outer(base, target)), cursor.spelling, self.type(cursor.type))

    def outer(self, base: Cursor, target: ClangType) -> ClangType:
        """The type of the record that a field counts as one of: that around nameless ones."""
        while base.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR) and (inner := expressions(base)):
            base = inner[-1]
        if base.kind == CursorKind.MEMBER_REF_EXPR and (not base.spelling or "(" in base.spelling):
            beyond = expressions(base)[0]
            kind = beyond.type.get_canonical()
            return self.outer(beyond, kind.get_pointee() if kind.kind == Kind.POINTER else kind)
        return target

    def element(self, cursor: Cursor) -> Place:
        """The place of an element: of an array, or behind a pointer."""
        base, index = expressions(cursor)
        kind = self.type(cursor.type)
        array = base
        while array.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR) and (inner := expressions(array)):
            array = inner[-1]
        if array.type.get_canonical().kind in ARRAYS:
            return Element(self.place(array), self.value(index), literal(index), kind)
        moved = Offset(self.value(base), (self.value(index),), self.type(base.type))
        return Deref(moved, kind)

    def unary_place(self, cursor: Cursor) -> Place | None:
        """The place behind a pointer."""
        if unary(cursor) != DEREFERENCE:
            return None
        return Deref(self.value(expressions(cursor)[0]), self.type(cursor.type))

    def unary_value(self, cursor: Cursor) -> Value:
        """The value of an operator with one operand."""
        number, operand = unary(cursor), expressions(cursor)[0]
        if number == ADDRESS_OF:
            return self.address(operand)
        if number == DEREFERENCE:
            return self.content(cursor)
        if number in STEPS:
            place = self.place(operand)
            return Assignment(place, Offset(Load(place), (), self.type(operand.type)), True)
        return self.mixed(cursor)

    def address(self, operand: Cursor) -> Value:
        """The address of an operand."""
        while operand.kind == CursorKind.PAREN_EXPR:
            operand = expressions(operand)[-1]
        if operand.kind == CursorKind.DECL_REF_EXPR and operand.type.get_canonical().kind in FUNCTIONS:
            return self.name(operand)
        place = self.place(operand)
        return place.pointer if isinstance(place, Deref) else Address(place)

    def binary_value(self, cursor: Cursor) -> Value:
        """The value of an operator with two operands."""
        number = binary(cursor)
        left, right = expressions(cursor)
        if number == ASSIGN:
            return Assignment(self.place(left), self.value(right), False)
        if number in COMPOUND:
            return self.compound(cursor)
        if number == COMMA:
            line = cursor.location.line
            return Block((Do(self.value(left), line), Do(self.value(right), line)), self.type(cursor.type))
        if number in ADDITIVE and cursor.type.get_canonical().kind == Kind.POINTER:
            return self.moved(left, right, cursor)
        return self.mixed(cursor)

    def compound(self, cursor: Cursor) -> Value:
        """An assignment such as `+=`."""
        left, right = expressions(cursor)
        place = self.place(left)
        return Assignment(place, Offset(Load(place), (self.value(right),), self.type(left.type)), True)

    def moved(self, left: Cursor, right: Cursor, cursor: Cursor) -> Value:
        """A pointer plus or minus a number; minus `offsetof()` it is the record around a field."""
        kind = self.type(cursor.type)
        if left.type.get_canonical().kind != Kind.POINTER:
            left, right = right, left
        if member := offset_of(right):
            record, path = member
            return Container(self.value(left), self.layout(record), path, kind)
        return Offset(self.value(left), tuple(part for part in [self.value(right)] if part != NOTHING), kind)

    def call(self, cursor: Cursor) -> Value:
        """A call."""
        callee, *arguments = list(cursor.get_children())
        name = callee.spelling
        if name in NEVER_COMPUTED or name.startswith(ASSERTED):
            return NOTHING
        if name in ITS_FIRST:
            return self.value(arguments[0])
        called = self.value(callee)
        while isinstance(called, Cast):
            called = called.value
        if isinstance(called, FunctionValue) and called.name.startswith("__builtin_"):
            called = FunctionValue(called.name.removeprefix("__builtin_"))
        values = tuple(self.value(each) for each in arguments if each.kind.is_expression())
        return Invocation(called, values, self.type(cursor.type))

    def block(self, cursor: Cursor) -> Value:
        """A statement that is an expression."""
        return Block(
            tuple(each for part in cursor.get_children() for each in self.statements(part)), self.type(cursor.type)
        )

    def either(self, cursor: Cursor) -> Value:
        """One of two values."""
        condition, *others = expressions(cursor)
        body = (If(self.value(condition), (), (), cursor.location.line),)
        chosen = self.mixture(map(self.value, others), cursor)
        return Block((*body, Do(chosen, cursor.location.line)), self.type(cursor.type))

    def generic(self, cursor: Cursor) -> Value:
        """One of several values, by the type of the first operand, which is not computed."""
        return self.mixture(map(self.value, expressions(cursor)[1:]), cursor)

    def literal(self, cursor: Cursor) -> Value:
        """A struct that is written out."""
        return self.value(expressions(cursor)[-1])

    def nothing(self, cursor: Cursor) -> Value:
        """A constant."""
        del cursor
        return NOTHING

    def string(self, cursor: Cursor) -> Value:
        """A string."""
        del cursor
        return StringLiteral()

    def initial(self, cursor: Cursor) -> Value:
        """An initialiser of a struct or array."""
        kind = cursor.type.get_canonical()
        record = self.layout(kind) if kind.kind == Kind.RECORD else ""
        names = [field.spelling for field in kind.get_fields()] if record else []
        items, position = [], 0
        for each in cursor.get_children():
            if not each.kind.is_expression():
                continue
            steps, written = self.designated(each, record)
            if steps and record:
                position = names.index(steps[0][1]) if steps[0][1] in names else position
            elif not steps:
                steps = ((record, names[position]),) if record and position < len(names) else (("", "[]"),)
            position += 1
            items.append((steps, self.value(written)))
        return Initial(tuple(items), self.type(kind))

    def designated(self, cursor: Cursor, record: str) -> tuple[tuple[tuple[str, str], ...], Cursor]:
        """The steps to the place of an item in an initialiser, and what is put there."""
        found = list(cursor.get_children())
        if cursor.kind != CursorKind.UNEXPOSED_EXPR or cursor.type.kind != Kind.VOID or not found:
            return (), cursor
        steps = []
        for each in found[:-1]:
            if each.kind == CursorKind.MEMBER_REF and each.spelling:
                steps.append((record, each.spelling))
                inner = each.type.get_canonical()
                while inner.kind in ARRAYS:
                    inner = inner.element_type.get_canonical()
                record = self.layout(inner) if inner.kind == Kind.RECORD else ""
            elif each.kind.is_expression():
                steps.append(("", "[]"))
        return tuple(steps), found[-1]


STATEMENTS: Mapping[CursorKind, Callable[[Lowering, Cursor], Iterator[Statement]]] = {
    CursorKind.IF_STMT: Lowering.branch,
    CursorKind.FOR_STMT: Lowering.loop,
    CursorKind.WHILE_STMT: Lowering.loop,
    CursorKind.DO_STMT: Lowering.loop,
    CursorKind.SWITCH_STMT: Lowering.loop,
    CursorKind.RETURN_STMT: Lowering.leave,
    CursorKind.GOTO_STMT: Lowering.jump,
    CursorKind.INDIRECT_GOTO_STMT: Lowering.jump,
    CursorKind.BREAK_STMT: Lowering.jump,
    CursorKind.CONTINUE_STMT: Lowering.jump,
    CursorKind.DECL_STMT: Lowering.declare,
    CursorKind.ASM_STMT: Lowering.assembler,
}
VALUES: Mapping[CursorKind, Callable[[Lowering, Cursor], Value]] = {
    CursorKind.INTEGER_LITERAL: Lowering.nothing,
    CursorKind.FLOATING_LITERAL: Lowering.nothing,
    CursorKind.CHARACTER_LITERAL: Lowering.nothing,
    CursorKind.CXX_UNARY_EXPR: Lowering.nothing,  # sizeof
    CursorKind.ADDR_LABEL_EXPR: Lowering.nothing,
    CursorKind.STRING_LITERAL: Lowering.string,
    CursorKind.PAREN_EXPR: Lowering.inner,
    CursorKind.UNEXPOSED_EXPR: Lowering.implicit,
    CursorKind.CSTYLE_CAST_EXPR: Lowering.cast,
    CursorKind.DECL_REF_EXPR: Lowering.name,
    CursorKind.MEMBER_REF_EXPR: Lowering.content,
    CursorKind.ARRAY_SUBSCRIPT_EXPR: Lowering.content,
    CursorKind.UNARY_OPERATOR: Lowering.unary_value,
    CursorKind.BINARY_OPERATOR: Lowering.binary_value,
    CursorKind.COMPOUND_ASSIGNMENT_OPERATOR: Lowering.compound,
    CursorKind.CALL_EXPR: Lowering.call,
    CursorKind.StmtExpr: Lowering.block,
    CursorKind.CONDITIONAL_OPERATOR: Lowering.either,
    CursorKind.GENERIC_SELECTION_EXPR: Lowering.generic,
    CursorKind.COMPOUND_LITERAL_EXPR: Lowering.literal,
    CursorKind.INIT_LIST_EXPR: Lowering.initial,
}
AS_PLACE: Mapping[CursorKind, Callable[[Lowering, Cursor], Place | None]] = {
    CursorKind.PAREN_EXPR: Lowering.bracketed_place,
    CursorKind.UNEXPOSED_EXPR: Lowering.converted_place,
    CursorKind.DECL_REF_EXPR: Lowering.named_place,
    CursorKind.MEMBER_REF_EXPR: Lowering.member,
    CursorKind.ARRAY_SUBSCRIPT_EXPR: Lowering.element,
    CursorKind.UNARY_OPERATOR: Lowering.unary_place,
}


def expressions(cursor: Cursor) -> list[Cursor]:
    """The operands of an expression."""
    return [each for each in cursor.get_children() if each.kind.is_expression()]


def constant(kind: ClangType) -> bool:
    """True for a type whose values nobody may write; of an array, its elements say so."""
    while kind.kind in ARRAYS:
        kind = kind.element_type
    canonical = kind.get_canonical()
    inner = constant(canonical) if canonical.kind in ARRAYS else canonical.is_const_qualified()
    return bool(kind.is_const_qualified() or inner)


def literal(cursor: Cursor) -> int:
    """The number that an expression is; -1 if it is computed."""
    while cursor.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR) and (inner := expressions(cursor)):
        cursor = inner[-1]
    if cursor.kind != CursorKind.INTEGER_LITERAL:
        return -1
    words = [token.spelling for token in cursor.get_tokens()]
    return int(words[0]) if len(words) == 1 and words[0].isdigit() and (words[0] == "0" or words[0][0] != "0") else -1


def offset_of(cursor: Cursor) -> tuple[ClangType, tuple[str, ...]] | None:
    """The record and the field of `offsetof()`; None if an expression is none."""
    while cursor.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR, CursorKind.CSTYLE_CAST_EXPR):
        found = list(cursor.get_children())
        names = tuple(each.spelling for each in found if each.kind == CursorKind.MEMBER_REF and each.spelling)
        if names:
            record = next((each.type for each in found if each.kind == CursorKind.TYPE_REF), None)
            return (record, names) if record is not None else None
        inner = [each for each in found if each.kind.is_expression()]
        if not inner:
            return None
        cursor = inner[-1]
    return None


def text(diagnostic: Any, source: Source) -> str:
    """An error of the compiler's in one line."""
    place = diagnostic.location
    where = f"{source.relative(place.file.name)}:{place.line}: " if place.file else ""
    return f"{where}{diagnostic.spelling}"
