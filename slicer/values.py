"""Functions as values: the slots that each ends up in, and the graph of calls that follows from it.

A cell holds functions: a variable, a field of all records of a type, an argument of a function of the kernel's. Values
flow between cells by assignments, arguments and results, whatever their type, until nothing changes (inclusion, by
field, without order). A slot is a cell that the kernel, or another module, reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from slicer.program import ENTRIES, EXPORTED, DriverProgram
from slicer.tree import (
    Address,
    Assembler,
    Assignment,
    Block,
    Cast,
    Defined,
    Deref,
    Do,
    Element,
    FieldPlace,
    FunctionValue,
    Initial,
    Invocation,
    Load,
    Mix,
    Offset,
    Place,
    Return,
    Temporary,
    Value,
    Var,
    nodes,
)

Cell = tuple[str, ...]
"""A kind of cell, and the names that tell it from others of its kind."""

CHECKS = ("__inittest", "__exittest")  # functions of module_init() and module_exit(): they return the entry


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A call from one function to another, at a line of the caller's file; `through` is the slot, "" if by name."""

    caller: str
    callee: str
    through: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Values:
    """The slots of each function, the calls, and the functions outside that each function calls.

    `slots`: function -> slots that the kernel or another module reads, sorted.
    `outside`: function -> functions without a body that it calls, and slots that it calls through.
    """

    slots: Mapping[str, tuple[str, ...]]
    edges: tuple[Edge, ...]
    outside: Mapping[str, frozenset[str]]


def follow_functions(program: DriverProgram) -> Values:
    """Follow all functions of a program that are used as values."""
    flow = Flow(program, program.shared())
    flow.collect()
    flow.settle()
    return Values(flow.slots(), tuple(sorted(flow.edges())), flow.outside())


@dataclass(slots=True)
class Indirect:
    """A call through a pointer."""

    caller: str
    cell: Cell
    arguments: tuple[Value, ...]
    line: int
    result: Cell


@dataclass(slots=True)
class Flow:
    """The cells of a program, what each holds, and where it flows to."""

    program: DriverProgram
    shared: frozenset[str]
    held: defaultdict[Cell, set[str]] = field(default_factory=lambda: defaultdict(set))
    into: defaultdict[Cell, set[Cell]] = field(default_factory=lambda: defaultdict(set))
    direct: set[Edge] = field(default_factory=set)
    named: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    indirect: list[Indirect] = field(default_factory=list)
    calls: defaultdict[Cell, list[Indirect]] = field(default_factory=lambda: defaultdict(list))
    pending: list[tuple[Cell, str]] = field(default_factory=list)
    line: int = 0

    # Collecting: which cell flows where.

    def collect(self) -> None:
        """Go through all functions and initialisers."""
        for name in sorted(self.program.functions):
            self.function(name, self.program.functions[name])
        for name, variable in sorted(self.program.globals.items()):
            self.assign(("global", name), variable.initial, "")
            for each in nodes(variable.initial):
                if isinstance(each, Address):
                    self.pointed(each, "")

    def function(self, name: str, function: Defined) -> None:
        """Go through a function's body."""
        for statement in function.body:
            for node in nodes(statement):
                match node:
                    case Do(_, line) | Return(_, line):
                        self.line = line
                if isinstance(node, Assignment):
                    self.assign(self.cell(node.place, name), node.value, name)
                elif isinstance(node, Invocation):
                    self.call(node, name)
                elif isinstance(node, Return):
                    self.assign(("result", name), node.value, name)
                elif isinstance(node, Address):
                    self.pointed(node, name)
                elif isinstance(node, Assembler):
                    for operand in node.operands:
                        self.assign(("assembler",), operand, name)

    def call(self, call: Invocation, caller: str) -> None:
        """A call: its arguments flow to the parameters."""
        if isinstance(call.callee, FunctionValue):
            callee = call.callee.name
            self.direct.add(Edge(caller, callee, "", self.line))
            self.bind(callee, call.arguments, caller)
            return
        cells = [origin for origin in self.origins(call.callee, caller) if isinstance(origin, tuple)]
        names = [origin for origin in self.origins(call.callee, caller) if isinstance(origin, str)]
        for name in names:  # one of several functions, chosen on the spot
            self.direct.add(Edge(caller, name, "", self.line))
            self.bind(name, call.arguments, caller)
        for cell in cells:
            found = Indirect(caller, cell, call.arguments, self.line, ("called", *cell))
            self.indirect.append(found)
            self.calls[cell].append(found)
            self.held.setdefault(cell, set())
            if cell[0] == "field" and not self.private(cell[1]):
                for number, argument in enumerate(call.arguments):
                    self.assign(("argument", spelled(cell), str(number)), argument, caller)

    def bind(self, callee: str, arguments: tuple[Value, ...], caller: str) -> None:
        """Let arguments flow to a function's parameters, or out of the program."""
        body = self.program.functions.get(callee)
        for number, argument in enumerate(arguments):
            if body is not None and number < len(body.parameters):
                self.assign(("variable", callee, body.parameters[number].name), argument, caller)
            elif body is None:
                self.assign(("argument", callee, str(number)), argument, caller)

    def assign(self, cell: Cell, value: Value, function: str) -> None:
        """Let a value flow into a cell."""
        for origin in self.origins(value, function):
            if isinstance(origin, str):
                self.add(cell, origin)
            elif origin != cell:
                self.link(origin, cell)

    def link(self, origin: Cell, cell: Cell) -> None:
        """Let all that a cell holds, now or later, flow into another one."""
        if cell not in self.into[origin]:
            self.into[origin].add(cell)
            for name in self.held.get(origin, ()):
                self.add(cell, name)

    def add(self, cell: Cell, name: str) -> None:
        """Put a function into a cell."""
        if name not in self.held[cell]:
            self.held[cell].add(name)
            self.pending.append((cell, name))

    def pointed(self, address: Address, function: str) -> None:
        """A place whose address is taken may be read and written through any pointer to its type."""
        kind = self.element_type(address.place.type)
        if self.is_function_pointer(kind):
            cell, shared = self.cell(address.place, function), self.behind(kind)
            self.link(cell, shared)
            self.link(shared, cell)

    def element_type(self, number: int) -> int:
        """A type, or that of an array's elements."""
        while self.program.types[number].kind == "array":
            number = self.program.types[number].to
        return number

    def is_function_pointer(self, number: int) -> bool:
        """True for a pointer to a function."""
        kind = self.program.types[number]
        return kind.kind == "pointer" and self.program.types[kind.to].kind == "function"

    def behind(self, number: int) -> Cell:
        """The cell of all places of a type that pointers lead to."""
        kind = self.program.types[number]
        return ("pointed", self.program.types[kind.to].name if kind.kind == "pointer" else kind.name)

    def cell(self, place: Place, function: str) -> Cell:
        """The cell of a place."""
        match place:
            case Var(name, "global"):
                return ("global", name)
            case Var(name):
                return ("variable", function, name)
            case FieldPlace(_, record, name):
                return ("field", record, name)
            case Element(inner) | Deref(Address(inner)) | Temporary(Load(inner)):
                return self.cell(inner, function)
            case Deref(_, number):
                return self.behind(number)
        return ("pointed", "")

    def origins(self, value: Value, function: str) -> Iterator[str | Cell]:
        """The functions and cells that a value may come from. Fields that an initialiser names are assigned."""
        match value:
            case FunctionValue(name):
                yield name
            case Load(place):
                yield self.cell(place, function)
            case Cast(inner) | Offset(inner):
                yield from self.origins(inner, function)
            case Mix(several):
                for each in several:
                    yield from self.origins(each, function)
            case Assignment(_, inner):
                yield from self.origins(inner, function)
            case Block(body) if body and isinstance(body[-1], Do):
                yield from self.origins(body[-1].value, function)
            case Invocation(FunctionValue(name)) if name in self.program.functions:
                yield ("result", name)
            case Invocation(callee) if not isinstance(callee, FunctionValue):
                for origin in self.origins(callee, function):
                    yield ("called", *origin) if isinstance(origin, tuple) else ("result", origin)
            case Initial(items):
                yield from self.items(items, function)

    def items(
        self, items: tuple[tuple[tuple[tuple[str, str], ...], Value], ...], function: str
    ) -> Iterator[str | Cell]:
        """The values of an initialiser: those of fields are assigned to them, others belong to what is initialised."""
        for steps, value in items:
            named = [step for step in steps if step[1] != "[]"]
            if named:
                self.assign(("field", *named[-1]), value, function)
            else:
                yield from self.origins(value, function)

    # Settling: until nothing flows any more.

    def settle(self) -> None:
        """Let functions flow until each is wherever it can get to."""
        while self.pending:
            cell, name = self.pending.pop()
            for onward in sorted(self.into.get(cell, ())):
                self.add(onward, name)
            for call in self.calls.get(cell, ()):
                self.bind(name, call.arguments, call.caller)
                self.link(("result", name), call.result)

    # Results.

    def edges(self) -> Iterator[Edge]:
        """All calls between functions with bodies."""
        known = self.program.functions
        yield from (edge for edge in self.direct if edge.callee in known)
        for call in self.indirect:
            for name in self.held.get(call.cell, ()):
                if name in known:
                    yield Edge(call.caller, name, spelled(call.cell), call.line)

    def outside(self) -> dict[str, frozenset[str]]:
        """The functions without a body, and the slots, that each function calls."""
        found = defaultdict[str, set[str]](set)
        for edge in self.direct:
            if edge.callee not in self.program.functions:
                found[edge.caller].add(edge.callee)
        for call in self.indirect:
            found[call.caller].add(spelled(call.cell))
        return {name: frozenset(names) for name, names in sorted(found.items())}

    def slots(self) -> dict[str, tuple[str, ...]]:
        """The slots of each function of the driver's own."""
        found = defaultdict[str, set[str]](set)
        for cell, names in self.held.items():
            if slot := self.slot(cell):
                for name in names:
                    found[name].add(slot)
        return {function.name: tuple(sorted(found[label])) for label, function in self.labelled() if label in found}

    def labelled(self) -> Iterator[tuple[str, Defined]]:
        """The driver's own functions under the names that tell them apart."""
        return ((label, each) for label, each in sorted(self.program.functions.items()) if each.own)

    def slot(self, cell: Cell) -> str:
        """A cell's name if others than the driver's functions read it; "" if they alone do."""
        match cell:
            case ("field", record, _) if self.private(record):
                return ""
            case ("field", _, _) | ("pointed", _) | ("assembler",):
                return spelled(cell)
            case ("argument", _, _):
                return spelled(cell)
            case ("result", name) if name in CHECKS:
                return name
            case ("global", name) if name.startswith(EXPORTED):
                return "" if self.held[cell] <= ENTRIES else "EXPORT_SYMBOL"
        return ""

    def private(self, record: str) -> bool:
        """True if a record is the driver's own, and no other module knows of it."""
        known = self.program.records.get(record)
        return known is not None and known.own and record not in self.shared


def spelled(cell: Cell) -> str:
    """A cell as users read it: `net_device_ops.ndo_open`, `request_threaded_irq(1)`."""
    match cell:
        case ("field", record, name):
            return f"{record}.{name}"
        case ("argument", name, number):
            return f"{name}({number})"
        case ("pointed", name):
            return f"pointer to {name or 'nobody knows what'}"
        case ("variable", _, name) | ("global", name):
            return name
        case ("called" | "result", *inner):
            return f"result of {inner[-1]}"
    return cell[0]
