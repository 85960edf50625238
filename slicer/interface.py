"""The calls between the halves: which functions cross, in which direction, with which kinds of arguments.

An upcall is a function of the process that the kernel, or the driver's own half there, may call. A downcall is a
function that the process calls and cannot run: one of the kernel's, one of a kernel header's that holds machine code,
or one of the driver's own that stayed. Fail closed: whatever has no way to cross is listed as a problem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from slicer import report
from slicer.contract import Access, ContractTables, Marshal, ObjectType
from slicer.fields import MOST_ARGUMENTS, NO_POINTER, NOISE, Analysis, Crossing
from slicer.knowledge import Knowledge, matches
from slicer.plan import Half
from slicer.report import Sliced
from slicer.tree import (
    Address,
    Cast,
    Defined,
    FieldPlace,
    FunctionValue,
    Invocation,
    Load,
    StringLiteral,
    Type,
    TypeOf,
    Value,
    Var,
    nodes,
)

REGISTER = 8  # bytes of an argument
MANAGED = "devm_"  # before names of functions whose memory a device frees
BUILTIN = ("__builtin", "__compiletime", "__bad_", "____wrong_branch")
TEXT_TYPE = "const char *"
GENERATED = ("__UNIQUE_ID", "__param", "__mod_", "__ksym", "__kstr", "__initcall", "__exitcall")  # variables of macros


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument or result. `kind`: nothing, value, ref, text, copy, borrow, keep or buffer.

    `size`: bytes that cross, or for `length` the bytes of each of so many elements as that argument says; `type`: of
    an object; `count`: in C, the bytes of a buffer.
    """

    kind: str = "nothing"
    size: int = 0
    length: int | None = None
    type: str = ""
    count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcall:
    """A function of the process that the kernel's half calls.

    `ends`: it gives back what another call acquired. `object_call`: "first" or "last", of a kind of object that stays
    known from one to the other, its first argument.
    """

    label: str
    function: Defined
    arguments: tuple[Argument, ...]
    result: Argument
    accesses: tuple[Access, ...]
    object_call: str = ""
    ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Downcall:
    """A function of the kernel's half that the process calls.

    `kind`: kernel, inline, driver, allocate, manage or release. `type`: of the objects that it allocates; those of the
    kind manage are freed by their device.
    """

    name: str
    kind: str
    type: str = ""
    arguments: tuple[Argument, ...]
    result: Argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """A function or variable of both halves. `file`: of the driver's own; "" for the kernel's. `size`: bytes."""

    name: str
    file: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """All that crosses between the halves of a driver. `gates`: kernel function -> its answer in C, "" for none."""

    sliced: Sliced
    types: tuple[ObjectType, ...]
    upcalls: tuple[Upcall, ...]
    downcalls: tuple[Downcall, ...]
    statics: tuple[Static, ...]
    gates: Mapping[str, str]
    problems: tuple[str, ...]


def interface_of(found: Sliced, services: frozenset[str], marshal: Marshal = Marshal.FIELDS) -> Interface:
    """The calls between the halves. `services`: functions of the kernel's that the process has of its own."""
    return Building(found, services).interface(marshal)


def bytes_of_calls(found: Interface) -> tuple[int, int]:
    """The bytes of the fields that upcalls name, and of the objects that hold those: the sums over all upcalls."""
    types = {each.name: each for each in found.types}
    named: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for call in found.upcalls:
        for each in call.accesses:
            field = types[each.type].fields[each.path]
            named[call.label, each.type].update(range(field.offset, field.offset + field.size))
    return sum(map(len, named.values())), sum(types[name].size for _, name in named)


class Building:
    """The interface of a driver in the making."""

    def __init__(self, found: Sliced, services: frozenset[str]) -> None:
        self.found = found
        self.program = found.program
        self.knowledge: Knowledge = found.annotations.knowledge
        self.services = services
        self.moved = frozenset(each.label for each in found.plan.of(Half.PROCESS))
        self.analysis = Analysis(found.program, found.values, self.knowledge.memory, self.moved)
        self.problems: list[str] = []

    def interface(self, marshal: Marshal) -> Interface:
        """The whole, with the parts of objects that cross."""
        crossings = report.crossing(self.found)
        names = [each.function.name for each in self.found.plan.placed.values() if not each.function.made]
        self.problems += [
            f"two functions are called {name}" for name in sorted({n for n in names if names.count(n) > 1})
        ]
        headers = {e.label for e in self.found.plan.placed.values() if e.function.file.endswith(".h")}
        self.problems += [
            f"{name}() of the driver's header cannot cross" for name in sorted(headers & set(self.called))
        ]
        self.problems += [f"{each.function}, line {each.line}: {each.why}" for each in report.unresolved(crossings)]
        tables = ContractTables(self.program, self.knowledge, self.roots(crossings), self.private())
        accesses = {each.upcall: tables.accesses(each) for each in crossings}
        if marshal is Marshal.WHOLE:
            accesses = tables.whole_objects(accesses)
        upcalls = tuple(
            Upcall(
                label=each.upcall,
                function=self.program.functions[each.upcall],
                arguments=tuple(self.upcall_arguments(each.upcall, tables)),
                result=self.result(self.program.functions[each.upcall].type),
                accesses=tuple(accesses[each.upcall]),
                object_call=self.object_call(each.upcall),
                ends=any(slot in self.knowledge.calls.ends for slot in self.found.values.slots.get(each.upcall, ())),
            )
            for each in crossings
        )
        downcalls = tuple(self.downcall(name, kind, tables) for name, kind in sorted(self.called.items()))
        downcalls = tuple(sorted((*downcalls, *self.allocations(tables)), key=lambda each: each.name))
        statics = tuple(self.statics(tables))
        return Interface(
            sliced=self.found,
            types=tuple(tables.types.values()),
            upcalls=upcalls,
            downcalls=self.with_releases(downcalls, tables),
            statics=statics,
            gates=dict(self.gates()),
            problems=tuple(dict.fromkeys([*self.problems, *tables.problems, *self.homeless(tables)])),
        )

    def homeless(self, tables: ContractTables) -> Iterator[str]:
        """Records that no object holds: they may lie in memory that the driver maps, if it maps any."""
        shared = (self.knowledge.calls.share.get(name) for name in self.called)
        if not any(each is not None and each.kind != "object" for each in shared):
            for record, upcall in tables.homeless.items():
                yield f"{upcall}: no object is known that holds a {record}"

    # Types.

    def roots(self, crossings: Iterable[Crossing]) -> frozenset[str]:
        """The records of objects: arguments of upcalls, and what fields that cross point to, if its fields cross."""
        used = {record for each in crossings for record, _ in each.fields}
        found = set[str]()
        for each in crossings:
            for number, parameter in enumerate(self.program.functions[each.upcall].parameters):
                found |= {self.pointee(parameter.type), self.row_of(each.upcall, number, self.knowledge.calls.points)}
        for record in self.program.records.values():
            if record.name in used or record.name in found:
                found |= {self.pointee(each.type) for each in record.fields} & used
        for name in self.called:
            found |= {self.pointee(self.result_type(name))} & used
        found |= self.allocated().keys() & used
        return frozenset(each for each in found if each in self.program.records) - self.knowledge.calls.own

    def pointee(self, number: Type) -> str:
        """The record that a pointer leads to; "" if it leads to none."""
        kind = self.program.types[number]
        while kind.kind == "array":
            kind = self.program.types[kind.to]
        target = self.program.types[kind.to] if kind.kind == "pointer" else None
        return target.name if target is not None and target.kind == "record" else ""

    def private(self) -> Mapping[str, str]:
        """The driver's own records that lie behind one of the kernel's."""
        found: dict[str, str] = {}
        for record, leads in self.knowledge.calls.private.items():
            own = sorted({name for name in self.casts_of(leads) if name in self.program.records})
            if len(own) > 1:
                self.problems.append(f"{leads}() leads to {' and '.join(own)}: one type of object cannot be both")
            found |= {record: own[0]} if own else {}
        return found

    def casts_of(self, leads: str) -> Iterator[str]:
        """The records that the result of a function is taken for."""
        own = [label for label, function in self.program.functions.items() if function.own]
        for node in (node for label in own for node in self.body_nodes(label)):
            if isinstance(node, Cast) and isinstance(node.value, Invocation):
                callee = node.value.callee
                if isinstance(callee, FunctionValue) and callee.name == leads:
                    yield self.pointee(node.type)

    def allocated(self) -> Mapping[str, frozenset[bool]]:
        """The driver's own records that the process allocates, by the types that new memory is taken for.

        True: a device manages such memory, and frees it.
        """
        found: defaultdict[str, set[bool]] = defaultdict(set)
        for name in self.moved:
            for node in self.body_nodes(name):
                if isinstance(node, Cast):
                    found[self.pointee(node.type)] |= set(self.fresh(node.value))
        own = (each for each in self.program.records.values() if each.own)
        return {each.name: frozenset(found[each.name]) for each in own if found[each.name]}

    def fresh(self, value: Value) -> Iterator[bool]:
        """The calls in a value that give new memory; true for those whose memory a device manages."""
        calls = (node.callee for node in nodes(value) if isinstance(node, Invocation))
        for callee in calls:
            if isinstance(callee, FunctionValue) and matches(callee.name, self.knowledge.memory.fresh):
                yield callee.name.startswith(MANAGED)

    def allocations(self, tables: ContractTables) -> Iterator[Downcall]:
        """Downcalls by which the kernel's half allocates objects that both halves use, and frees them."""
        sizes: dict[int, str] = {}
        given = (Argument(kind="ref"), Argument(kind="value", size=REGISTER))
        for name, ways in sorted(self.allocated().items()):
            if name not in tables.types:
                continue
            size = tables.types[name].size
            if size in sizes:
                self.problems.append(f"new objects of {name} and {sizes[size]} have one size: they are not told apart")
            sizes[size] = name
            for managed in sorted(ways):
                kind = "manage" if managed else "allocate"
                yield Downcall(
                    name=f"{kind}_{name}", kind=kind, type=name, arguments=given, result=Argument(kind="ref")
                )
        if sizes:
            yield Downcall(name="release", kind="release", arguments=(Argument(kind="ref"),), result=Argument())

    # Calls.

    @cached_property
    def bodies(self) -> tuple[str, ...]:
        """The functions whose bodies run in the process: those that moved, and those of headers that they reach."""
        found, pending = set(self.moved), sorted(self.moved)
        while pending:
            for each in self.analysis.callees(pending.pop()):
                if each not in found:
                    found.add(each)
                    pending.append(each)
        return tuple(sorted(found))

    @cached_property
    def called(self) -> Mapping[str, str]:
        """The functions that the process calls and cannot run, each with its kind."""
        found: dict[str, str] = {}
        edges = {edge.callee for edge in self.found.values.edges if edge.caller in self.bodies}
        named = {call.callee.name for _, call in self.invocations if isinstance(call.callee, FunctionValue)}
        for name in sorted(edges | named):
            kind = self.kind(name)
            if kind:
                found[name] = kind
        return found

    @cached_property
    def invocations(self) -> tuple[tuple[str, Invocation], ...]:
        """All calls in the bodies that run in the process, with their callers."""
        every = ((name, node) for name in self.bodies for node in self.body_nodes(name))
        return tuple((name, node) for name, node in every if isinstance(node, Invocation))

    def body_nodes(self, name: str) -> Iterator[Any]:
        """All nodes of a function's body."""
        for statement in self.program.functions[name].body:
            yield from nodes(statement)

    def kind(self, name: str) -> str:
        """The kind of downcall that a function needs; "" if the process runs it."""
        if name in self.services or name.startswith(BUILTIN) or name in NO_POINTER:
            return ""
        function = self.program.functions.get(name)
        if function is None:
            return "kernel" if name in self.program.declared else ""
        if function.own:
            return "" if name in self.moved else "driver"
        memory = self.knowledge.memory
        alone = matches(name, (*memory.all, *memory.value))
        return "" if alone or self.analysis.inside(name) else "inline"

    def parameters(self, name: str) -> tuple[Sequence[Type], Sequence[str]]:
        """The types of a function's parameters, and their names as they are written, if they are known."""
        if name in self.program.functions:
            found = [each.type for each in self.program.functions[name].parameters]
            return found, [""] * len(found)
        declared = self.program.declared[name]
        return declared.parameters, declared.typedefs

    def result_type(self, name: str) -> Type:
        """The type of a function's result."""
        known = self.program.functions.get(name) or self.program.declared[name]
        return known.type

    def downcall(self, name: str, kind: str, tables: ContractTables) -> Downcall:
        """A function of the kernel's half, with its arguments."""
        types, written = self.parameters(name)
        if len(types) > MOST_ARGUMENTS:
            self.problems.append(f"{name}() has {len(types)} arguments, more than {MOST_ARGUMENTS}")
        arguments = [
            self.argument(name, number, each, text, tables)
            for number, (each, text) in enumerate(zip(types, written, strict=True))
        ]
        for number, each in enumerate(arguments):
            if each.kind == "ref":
                self.problems += [
                    f"{name}({number}) is given the address of {variable}, which the process alone knows"
                    for variable in sorted(set(map(own_variable, self.given(name, number))) - {""})
                ]
        return Downcall(
            name=name,
            kind=kind,
            arguments=tuple(arguments[:MOST_ARGUMENTS]),
            result=self.result(self.result_type(name)),
        )

    def argument(self, name: str, number: int, given: Type, written: str, tables: ContractTables) -> Argument:
        """An argument of a downcall."""
        kind = self.program.types[given]
        if kind.kind != "pointer":
            return self.by_value(name, kind)
        target = self.program.types[kind.to]
        length = self.knowledge.memory.lengths.get(f"{name}({number})", "")
        if length.startswith("argument "):
            return Argument(kind="copy", size=max(1, target.size_bytes), length=int(length.split()[1]))
        if target.kind == "record":
            plain = target.name not in tables.types and not self.holds_pointers(target.name)
            return Argument(kind="copy", size=target.size_bytes) if plain else Argument(kind="ref")
        if target.kind != "number":
            return Argument(kind="ref")
        return self.numbers(name, number, target, written)

    def by_value(self, name: str, kind: TypeOf) -> Argument:
        """An argument that is no pointer."""
        if kind.size_bytes > REGISTER or kind.kind not in ("number", "void"):
            self.problems.append(f"{name}() takes a {kind.name or kind.kind} by value, which cannot cross")
        return Argument(kind="value", size=REGISTER)

    def numbers(self, name: str, number: int, target: TypeOf, written: str) -> Argument:
        """A pointer to numbers: a string, or as many numbers as a row or all callers say."""
        length = self.knowledge.memory.lengths.get(f"{name}({number})", "")
        if length.isdigit():
            return Argument(kind="copy", size=target.size_bytes * int(length))
        if written == TEXT_TYPE or length == "string" or (not written and target.name == "char"):
            return Argument(kind="text")
        if not all(map(self.single, self.given(name, number))):
            self.problems.append(f"{name}({number}) points to numbers of unknown count: add a row to [lengths]")
        return Argument(kind="copy", size=target.size_bytes)

    def given(self, name: str, number: int, seen: frozenset[str] = frozenset()) -> Iterator[Value]:
        """The values that the process gives as an argument of a function; `seen`: headers' functions on the way."""
        for caller, call in self.invocations:
            if isinstance(call.callee, FunctionValue) and call.callee.name == name and number < len(call.arguments):
                value = call.arguments[number]
                while isinstance(value, Cast):
                    value = value.value
                passed = self.parameter(value, caller)
                if passed is None:
                    yield value
                elif caller not in seen:
                    yield from self.given(caller, passed, seen | {caller})

    def parameter(self, value: Value, caller: str) -> int | None:
        """The number of the parameter of a header's function that it passes on; None if it passes something else."""
        function = self.program.functions[caller]
        names = [] if function.own else [each.name for each in function.parameters]
        if isinstance(value, Load) and isinstance(value.place, Var) and value.place.name in names:
            return names.index(value.place.name)
        return None

    def single(self, value: Value) -> bool:
        """True for the address of one number, and for a string."""
        if isinstance(value, Address) and isinstance(value.place, Var | FieldPlace):
            return self.program.types[value.place.type].kind == "number"
        return isinstance(value, StringLiteral) or not any(isinstance(each, Address | Var) for each in nodes(value))

    def holds_pointers(self, record: str, outer: tuple[str, ...] = ()) -> bool:
        """True if a pointer lies in a record, or its fields are not known."""
        known = self.program.records.get(record)
        if known is None or not known.fields:
            return True
        return any(self.pointer_in(each.type, (*outer, record)) for each in known.fields)

    def pointer_in(self, number: Type, outer: tuple[str, ...]) -> bool:
        """The same for a type."""
        kind = self.program.types[number]
        while kind.kind == "array":
            kind = self.program.types[kind.to]
        if kind.kind == "record":
            return kind.name in outer or self.holds_pointers(kind.name, outer)
        return kind.kind != "number"

    def result(self, number: Type) -> Argument:
        """The result of a call."""
        kind = self.program.types[number]
        if kind.kind == "void":
            return Argument()
        if kind.kind == "pointer":
            return Argument(kind="ref")
        return Argument(kind="value", size=max(kind.size_bytes, 1))

    def upcall_arguments(self, name: str, tables: ContractTables) -> Iterator[Argument]:
        """The arguments of an upcall."""
        parameters = self.program.functions[name].parameters
        if len(parameters) > MOST_ARGUMENTS:
            self.problems.append(f"{name}() has {len(parameters)} arguments, more than {MOST_ARGUMENTS}")
        for number, parameter in enumerate(parameters[:MOST_ARGUMENTS]):
            kind = self.program.types[parameter.type]
            if kind.kind != "pointer":
                yield self.by_value(name, kind)
                continue
            target = self.program.types[kind.to]
            count = self.count(name, number)
            record = self.row_of(name, number, self.knowledge.calls.points) or target.name
            if record in tables.types:
                kept = self.row_of(name, number, self.knowledge.calls.keep)
                yield Argument(kind="keep" if kept else "borrow", type=record)
            elif count:
                yield Argument(kind="buffer", count=count)
            elif target.kind == "number":
                self.problems.append(f"{name}({number}) points to numbers of unknown count: add a row to [lengths]")
                yield Argument(kind="ref")
            else:
                yield Argument(kind="ref")

    def object_call(self, name: str) -> str:
        """If an upcall begins or ends the time for which both halves know its first argument."""
        slots = set(self.found.values.slots.get(name, ()))
        rows = self.knowledge.calls.keep
        if any(f"{slot}(0)" in rows for slot in slots):
            return "first"
        return "last" if slots & set(rows.values()) else ""

    def row_of(self, name: str, number: int, rows: Mapping[str, str]) -> str:
        """The text of a row about an argument of an upcall, by one of its slots; "" if there is none."""
        texts = (rows.get(f"{slot}({number})") for slot in self.found.values.slots.get(name, ()))
        return next((text for text in texts if text), "")

    def count(self, name: str, number: int) -> str:
        """The bytes behind an argument of an upcall, in C; "" if no row says."""
        texts = {self.knowledge.memory.lengths.get(f"{s}({number})") for s in self.found.values.slots.get(name, ())}
        text = next(iter(texts - {None}), None)
        if text is None or len(texts) > 1:
            return ""
        elements = self.elements(text, self.program.functions[name])
        each = f"sizeof(*({self.program.functions[name].parameters[number].name}))"
        return f"({elements}) * {each}" if elements else ""

    def elements(self, text: str, function: Defined) -> str:
        """A row's number of elements, in C, by the parameters of a function; "" if none of them tells it."""
        names = [each.name for each in function.parameters]
        if text.startswith("argument "):
            return names[int(text.split()[1])]
        if "{" in text:
            return text.format(*names)
        record, _, path = text.partition(".")
        holders = [each.name for each in function.parameters if self.pointee(each.type) == record]
        return f"{holders[0]}->{path}" if holders else text if text.isdigit() else ""

    def with_releases(self, downcalls: tuple[Downcall, ...], tables: ContractTables) -> tuple[Downcall, ...]:
        """The downcalls, and those that release what others acquire, called or not; but for locks."""
        known = {each.name for each in downcalls}
        more = [
            self.knowledge.calls.acquire[each.name].release
            for each in downcalls
            if each.name in self.knowledge.calls.acquire and self.knowledge.calls.acquire[each.name].lock is None
        ]
        added = [self.release(name, tables) for name in sorted(set(more) - known)]
        return tuple(sorted((*downcalls, *added), key=lambda each: each.name))

    def release(self, name: str, tables: ContractTables) -> Downcall:
        """A function that the kernel's half alone calls, when the process has died."""
        if name in self.program.functions or name in self.program.declared:
            return self.downcall(name, self.kind(name) or "kernel", tables)
        acquired = next(each for each in self.knowledge.calls.acquire.values() if each.release == name)
        refs = tuple(Argument(kind="ref") for _ in acquired.sources)
        return Downcall(name=name, kind="kernel", arguments=refs, result=Argument())

    # Functions and variables whose address both halves know.

    def statics(self, tables: ContractTables) -> Iterator[Static]:
        """The functions and variables that pointers may lead to."""
        for name, variable in sorted(self.program.globals.items()):
            if any(word in name for word in (*NOISE, *GENERATED)) or "." in name or name in self.services:
                continue
            size = self.program.types[variable.type].size_bytes
            if variable.own and variable.defined and size > 0:
                yield Static(name=name, file=variable.file, size=size)
            elif not variable.own and name in self.kernel_variables and size > 0:
                yield Static(name=name, file="", size=size)
        yield Static(name="__this_module", file="", size=1)
        for name in sorted({*self.found.values.slots, *self.own_values}):
            function = self.program.functions.get(name)
            if function is not None and function.own and not function.made:
                yield Static(name=name, file=function.file, size=1)
        for name in sorted(self.values_of_functions - self.services):
            if name in self.program.declared:
                yield Static(name=name, file="", size=1)

    @cached_property
    def kernel_variables(self) -> frozenset[str]:
        """The kernel's variables that the process names."""
        every = (node for name in self.bodies for node in self.body_nodes(name))
        return frozenset(node.name for node in every if isinstance(node, Var) and node.scope == "global")

    @cached_property
    def values_of_functions(self) -> frozenset[str]:
        """The functions that the process uses as values."""
        return frozenset(each for name in self.bodies for each in values_in(self.program.functions[name].body))

    @cached_property
    def own_values(self) -> frozenset[str]:
        """The functions that either half uses as values, in its code or its variables."""
        bodies = [each.body for each in self.program.functions.values() if each.own]
        initials = [(each.initial,) for each in self.program.globals.values() if each.own]
        return frozenset(each for body in (*bodies, *initials) for each in values_in(body))

    # Locks.

    def gates(self) -> Iterator[tuple[str, str]]:
        """The kernel functions that come back later while the process holds a lock, each with its answer."""
        stays = {each.label for each in self.found.plan.of(Half.KERNEL)}
        if not self.takes_locks():
            return
        for name, slots in sorted(self.found.values.slots.items()):
            rows = [self.knowledge.row(slot, self.program.declared) for slot in slots]
            if name in stays and all(row and row.context == "process" for row in rows) and self.locks_alone(name):
                yield name, "WAIT"
            if name not in stays or all(row and row.context not in ("data", "atomic") for row in rows):
                continue  # of an unknown slot nobody knows that it may wait
            function = self.program.functions[name]
            answers = {text for slot in slots if (text := self.knowledge.calls.busy.get(slot)) is not None}
            if len(answers) == 1:
                yield name, next(iter(answers)).format(*(each.name for each in function.parameters))
            elif self.program.types[function.type].kind == "void":
                yield name, ""
            else:
                self.problems.append(f"nobody knows what {name}() ({slots[0]}) answers while the process holds a lock")

    def locks_alone(self, name: str) -> bool:
        """True if a kernel function, with those that it calls, takes a spin lock, and never asks the process."""
        reached, pending = {name}, [name]
        while pending:
            caller = pending.pop()
            onward = {edge.callee for edge in self.found.values.edges if edge.caller == caller}
            onward |= {*self.found.values.outside.get(caller, ())}
            pending += onward - reached
            reached |= onward
        return any(matches(each, self.knowledge.acquire) for each in reached) and not reached & {*self.moved}

    def takes_locks(self) -> bool:
        """True if the process takes a lock that interrupts may want."""
        acquire = self.knowledge.acquire
        return any(isinstance(c.callee, FunctionValue) and matches(c.callee.name, acquire) for _, c in self.invocations)


def own_variable(value: Value) -> str:
    """The variable on a function's stack, or of one function alone, whose address a value is; "" if it is none."""
    place = value.place if isinstance(value, Address) else None
    while isinstance(place, FieldPlace):
        place = place.base
    if isinstance(place, Var) and (place.scope == "local" or "." in place.name):
        return place.name
    return ""


def values_in(body: Iterable[Any]) -> Iterator[str]:
    """The functions that are used as values, and not called, in some nodes."""
    for statement in body:
        every = [*nodes(statement)]
        called = {id(node.callee) for node in every if isinstance(node, Invocation)}
        yield from (node.name for node in every if isinstance(node, FunctionValue) and id(node) not in called)
