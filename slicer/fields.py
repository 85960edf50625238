"""Fields that cross with each call of the process: by access paths, through all functions that the call may reach.

A location is a base and the fields that lead on from it, without a pointer in between: a parameter's target, a
variable, or an object that some pointer leads to, which is known by its type. Each function has a summary in terms of
its own parameters, which is put in at each call, so that an access by a header's function counts for the field that was
passed and for no other one of its type. Loads are followed one pointer far; order does not count, an array of a record
is one field.

Fail closed: an access that cannot be put down to a field is listed as unresolved. It is never left out in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from slicer.knowledge import MemoryEffects, matches
from slicer.program import DriverProgram
from slicer.tree import (
    Address,
    Assembler,
    Assignment,
    Block,
    Cast,
    Container,
    Defined,
    Deref,
    Do,
    Element,
    FieldPlace,
    FunctionValue,
    If,
    Initial,
    Invocation,
    Load,
    Loop,
    Mix,
    Offset,
    Place,
    RecordField,
    Return,
    StringLiteral,
    Temporary,
    Type,
    TypeOf,
    Value,
    Var,
    nodes,
)
from slicer.values import Values

Step = tuple[str, str]  # record, field
NOISE = (".__already_done", "__UNIQUE_ID_", "__param_", "_ddebug", "__this_module", "_entry")  # of printing, once
SCALAR = "number"
POINTER_BYTES = 8
MOST_ARGUMENTS = 6
NO_POINTER = ("ERR_PTR",)  # they make a pointer that leads nowhere
STRING = "const char *"
LENGTHS = ("size_t", "ssize_t", "unsigned int", "u32", "loff_t")
ARRAY = "array "  # before the origin of a pointer that was moved


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in memory. `kind`: parameter, variable, global, object, made (of a number), fresh; then what it is."""

    kind: str
    name: str
    origin: str = ""
    steps: tuple[Step, ...] = ()

    def onward(self, record: str, name: str) -> Location:
        """A field of it."""
        return Location(self.kind, self.name, self.origin, (*self.steps, (record, name)))

    def at(self, number: int) -> Location:
        """One element of the array that the last field is."""
        if not self.steps:
            return self
        record, name = self.steps[-1]
        return Location(self.kind, self.name, self.origin, (*self.steps[:-1], (record, f"{name}[{number}]")))


@dataclass(frozen=True, slots=True, order=True)
class Unresolved:
    """An access that cannot be put down to a field: why, in which function, at which line."""

    why: str
    function: str
    line: int


@dataclass(slots=True)
class Summary:
    """A function's accesses: location -> modes, `r` and `w`; the targets of its result; what is unresolved."""

    accesses: defaultdict[Location, set[str]] = field(default_factory=lambda: defaultdict(set))
    returns: set[Location] = field(default_factory=set)
    unresolved: set[Unresolved] = field(default_factory=set)
    where: dict[Location, tuple[str, int]] = field(default_factory=dict)

    def remember(self, location: Location, where: tuple[str, int]) -> None:
        """Remember the first of the places where a location is touched."""
        self.where[location] = min(where, self.where.get(location, where))

    def measure(self) -> tuple[int, int, int]:
        """A measure that grows whenever the summary does."""
        return (sum(map(len, self.accesses.values())), len(self.returns), len(self.unresolved))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """The fields of an upcall: (record, dotted path) -> modes; and what is unresolved."""

    upcall: str
    fields: Mapping[tuple[str, str], str]
    unresolved: tuple[Unresolved, ...]


def crossing_fields(
    program: DriverProgram, values: Values, memory: MemoryEffects, moved: Iterable[str], upcalls: Iterable[str]
) -> list[Crossing]:
    """The fields that cross with each upcall, by name. `moved`: the functions of the process."""
    analysis = Analysis(program, values, memory, frozenset(moved))
    analysis.settle(upcalls)
    return [analysis.crossing(name) for name in sorted(upcalls)]


class Analysis:
    """Summaries of all functions that run in the process."""

    def __init__(self, program: DriverProgram, values: Values, memory: MemoryEffects, moved: frozenset[str]) -> None:
        self.program = program
        self.memory = memory
        self.moved = moved
        self.summaries: defaultdict[str, Summary] = defaultdict(Summary)
        self.targets: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self.indirect: defaultdict[str, set[str]] = defaultdict(set)
        for edge in values.edges:
            if edge.through:
                self.indirect[edge.caller].add(edge.callee)
        self.by_name = self.with_assembler()
        self.final = False
        self.shared: dict[str, frozenset[str]] = {}
        self.slots = values.slots
        self.inner = {
            record.name: {each.name: self.record_of(each.type) for each in record.fields}
            for record in program.records.values()
        }

    def record_of(self, number: int) -> str:
        """The record that a type embeds; "" if it embeds none."""
        kind = self.program.types[number]
        while kind.kind == "array":
            kind = self.program.types[kind.to]
        return kind.name if kind.kind == "record" else ""

    def pointee(self, number: int) -> TypeOf | None:
        """The type that a pointer's type leads to."""
        kind = self.program.types[number]
        return self.program.types[kind.to] if kind.kind == "pointer" else None

    def with_assembler(self) -> frozenset[str]:
        """The header functions that the process calls by name, because they cannot run there.

        They hold machine code, or call through a table of the kernel's, or a function of more arguments than cross, or
        call one that does.
        """
        found = {
            name
            for name, function in self.program.functions.items()
            if not function.own
            and any(kernels(node) or self.too_long(node) for statement in function.body for node in nodes(statement))
        }
        callers = defaultdict[str, set[str]](set)
        for name, function in self.program.functions.items():
            if not function.own:
                for statement in function.body:
                    for node in nodes(statement):
                        if isinstance(node, FunctionValue):
                            callers[node.name].add(name)
        pending = list(found)
        while pending:
            for caller in callers[pending.pop()]:
                if caller not in found:
                    found.add(caller)
                    pending.append(caller)
        return frozenset(found)

    def too_long(self, node: Any) -> bool:
        """True for a call of a function that takes more arguments than cross."""
        if not (isinstance(node, Invocation) and isinstance(node.callee, FunctionValue)):
            return False
        callee = self.program.declared.get(node.callee.name)
        return callee is not None and len(callee.parameters) > MOST_ARGUMENTS

    def inside(self, name: str) -> bool:
        """True if a function's body runs in the process."""
        function = self.program.functions.get(name)
        if function is None:
            return False
        if function.own:
            return name in self.moved
        return name not in self.by_name and name not in NO_POINTER and not matches(name, self.memory.all)

    def settle(self, roots: Iterable[str]) -> None:
        """Compute the summaries of all functions that roots reach, until none grows; then ask what they left out."""
        order, callers = self.order(roots)
        for self.final in (False, True):
            self.grow(order, callers)

    def grow(self, order: Iterable[str], callers: Mapping[str, set[str]]) -> None:
        """Read functions until no summary grows."""
        waiting, queued = list(order), set(order)
        while waiting:
            name = waiting.pop(0)
            queued.discard(name)
            before = self.summaries[name].measure()
            Reading(self, name, self.program.functions[name]).read()
            if self.summaries[name].measure() != before:
                for caller in sorted(callers[name] - queued):
                    waiting.append(caller)
                    queued.add(caller)

    def order(self, roots: Iterable[str]) -> tuple[list[str], Mapping[str, set[str]]]:
        """The functions that roots reach, callees mostly before callers; and the callers of each."""
        found: list[str] = []
        callers = defaultdict[str, set[str]](set)
        seen = set[str]()
        for root in sorted(roots):
            pending = [(root, False)]
            while pending:
                name, left = pending.pop()
                if left:
                    found.append(name)
                elif name not in seen:
                    seen.add(name)
                    pending.append((name, True))
                    for callee in self.callees(name):
                        callers[callee].add(name)
                        pending.append((callee, False))
        return found, callers

    def callees(self, name: str) -> list[str]:
        """The functions that run in the process when this one does."""
        body = self.program.functions[name].body
        named = {node.name for statement in body for node in nodes(statement) if isinstance(node, FunctionValue)}
        return sorted(each for each in named | self.indirect[name] if self.inside(each))

    def crossing(self, upcall: str) -> Crossing:
        """The fields of one upcall."""
        summary = self.summaries[upcall]
        function = self.program.functions[upcall]
        fields = defaultdict[tuple[str, str], set[str]](set)
        for text in self.memory.reads.get(upcall, ()):
            record, _, path = text.partition(".")
            fields[record, path].add("r")
        unresolved = set(summary.unresolved)
        for location, modes in summary.accesses.items():
            row = self.row(location)
            if row:
                fields[row] |= modes
            if location.kind == "parameter" and (not row or location.origin.startswith(ARRAY)):
                where = summary.where.get(location, (upcall, function.line))
                why = f"bytes behind the argument {bare(location.origin)}, of unknown length"
                found = self.lengths(upcall, int(location.name))
                unresolved |= set() if found else {Unresolved(why, *where)}
                fields.update({each: fields[each] | {"r"} for each in found if each[0]})
        return Crossing(
            upcall=upcall,
            fields={row: "".join(sorted(modes)) for row, modes in sorted(fields.items())},
            unresolved=tuple(sorted(unresolved)),
        )

    def lengths(self, upcall: str, number: int) -> list[Step]:
        """The fields that tell how long the buffer in an argument is; ("", "") for a constant; none without a row."""
        texts = [self.memory.lengths.get(f"{slot}({number})") for slot in self.slots.get(upcall, ())]
        if not texts or None in texts:
            return []
        return [(text.partition(".")[0], text.partition(".")[2]) if "." in text else ("", "") for text in texts if text]

    def takes_string(self, name: str, number: int) -> bool:
        """True if a function takes a string there: one of text, or a `const char *` without a length behind it."""
        if matches(name, self.memory.compare) or (number and matches(name, self.memory.strings)):
            return True
        declared = self.program.declared.get(name)
        words = declared.typedefs[number : number + 2] if declared else ()
        return words[:1] == (STRING,) and not (words[1:] and words[1] in LENGTHS)

    def opaque(self, record: str, outer: tuple[str, ...]) -> bool:
        """True if a record has a pointer to numbers of unknown length, or a pointer that shares its bytes.

        A pointer to no type is a reference, whose object the runtime knows by its address.
        """
        known = self.program.records.get(record)
        if known is None:
            return True
        if self.overlaid(record):
            return True
        unknown = (each for each in known.fields if f"{record}.{each.name}" not in self.memory.lengths)
        return any(self.opaque_field(each.type, (*outer, record)) for each in unknown)

    def opaque_field(self, number: int, outer: tuple[str, ...]) -> bool:
        """The same for a field."""
        kind = self.program.types[number]
        while kind.kind == "array":
            kind = self.program.types[kind.to]
        if kind.kind == "pointer":
            return self.program.types[kind.to].kind not in ("record", "function", "void")
        return kind.kind == "record" and kind.name not in outer and self.opaque(kind.name, outer)

    def overlaid(self, record: str) -> frozenset[str]:
        """The fields of a record that share bytes with others, one of them a pointer."""
        if record not in self.shared:
            self.shared[record] = frozenset(self.overlaps(record))
        return self.shared[record]

    def overlaps(self, record: str) -> Iterator[str]:
        """The same, afresh."""
        known = self.program.records.get(record)
        for one, other in combinations(known.fields if known else (), 2):
            ends = [each.offset_bits + max(1, self.bits(each)) for each in (one, other)]
            together = one.offset_bits < ends[1] and other.offset_bits < ends[0] and self.bits(one) and self.bits(other)
            if together and any(self.program.types[each.type].kind == "pointer" for each in (one, other)):
                yield from (one.name, other.name)

    def writable(self, name: str, whole: bool) -> bool:
        """True for a variable that a function may write whose address it gets: a number, or with `whole` any."""
        known = self.program.globals.get(name)
        return known is not None and not known.constant and (whole or self.program.types[known.type].kind == SCALAR)

    def bits(self, each: RecordField) -> int:
        """The width of a field."""
        return each.bits if each.bits >= 0 else max(0, self.program.types[each.type].size_bytes) * 8

    def row(self, location: Location) -> tuple[str, str] | None:
        """The record and path of a location; None if it is no field of a record that crosses."""
        if location.kind == "global":
            known = self.program.globals.get(location.name)
            if any(word in location.name for word in NOISE) or (known is not None and known.constant):
                return None
            return (f"variable {location.name}", ".".join(name for _, name in location.steps))
        if location.kind not in ("parameter", "object") or not location.steps:
            return None
        first = 0
        for number in range(1, len(location.steps)):
            record, name = location.steps[number - 1]
            if self.inner.get(record, {}).get(whole_array(name), "") != location.steps[number][0]:
                first = number  # a cast led into another record
        steps = location.steps[first:]
        return (steps[0][0], ".".join(name for _, name in steps))


@dataclass(slots=True)
class Reading:
    """One pass over a function, which makes its summary grow."""

    analysis: Analysis
    name: str
    function: Defined
    line: int = 0
    held: defaultdict[str, set[Location]] = field(default_factory=lambda: defaultdict(set))

    @property
    def summary(self) -> Summary:
        """The summary that grows."""
        return self.analysis.summaries[self.name]

    def read(self) -> None:
        """Read the body until nothing new is found."""
        for number, parameter in enumerate(self.function.parameters):
            if self.analysis.program.types[parameter.type].kind != SCALAR:
                self.held[parameter.name].add(Location("parameter", str(number), parameter.name))
            elif self.analysis.program.types[parameter.type].size_bytes >= POINTER_BYTES:
                self.held[parameter.name].add(Location("made", "", parameter.name))
        before = None
        while before != (now := (self.summary.measure(), sum(map(len, self.held.values())))):
            before = now
            for statement in self.function.body:
                self.statement(statement)

    def statement(self, statement: Do | If | Loop | Return | object) -> None:
        """One statement."""
        match statement:
            case Do(value, line):
                self.line = line
                self.value(value)
            case If(condition, then, otherwise, line):
                self.line = line
                self.value(condition)
                for each in (*then, *otherwise):
                    self.statement(each)
            case Loop(body):
                for each in body:
                    self.statement(each)
            case Return(value, line):
                self.line = line
                self.summary.returns |= self.value(value)

    # Values: each gives the locations that it may point to.

    def value(self, value: Value) -> set[Location]:
        """The targets of a value; its accesses are noted."""
        handler = TARGETS.get(type(value))
        return handler(self, value) if handler else set()

    def several(self, values: Iterable[Value]) -> set[Location]:
        """The targets of any of some values."""
        return set[Location]().union(*map(self.value, values))

    def around(self, value: Container) -> set[Location]:
        """The records around a field."""
        return {self.container(each, value.record, value.path) for each in self.value(value.value)}

    def block(self, body: tuple[object, ...]) -> set[Location]:
        """The targets of the last of some statements."""
        for each in body[:-1]:
            self.statement(each)
        last = body[-1] if body else None
        if isinstance(last, Do):
            self.line = last.line
            return self.value(last.value)
        self.statement(last)
        return set()

    def load(self, place: Place) -> set[Location]:
        """Read a place: the targets of the pointer in it."""
        if isinstance(place, Var) and place.scope != "global":
            return set(self.held[place.name])
        found = set[Location]()
        for each in self.place(place):
            self.note(each, "r", place)
            if each.kind == "variable":
                found |= self.held[each.name]
            found |= self.behind(each, place.type)
        return found

    def behind(self, location: Location, number: int) -> set[Location]:
        """The target of a pointer that was read."""
        kind = self.analysis.program.types[number]
        origin = self.spelled(location)
        if kind.kind == "pointer":
            target = self.analysis.program.types[kind.to]
            return {Location("object", target.name if target.kind == "record" else target.kind, origin)}
        return {Location("made", "", origin)} if kind.kind == SCALAR and kind.size_bytes >= POINTER_BYTES else set()

    def store(self, place: Place, inner: Value, reads: bool) -> set[Location]:
        """Write a place."""
        targets = self.value(inner)
        if isinstance(place, Var) and place.scope != "global":
            self.held[place.name] |= targets
            return targets
        for each in self.place(place):
            self.note(each, "w", place)
            if reads:
                self.note(each, "r", place)
            if each.kind == "variable":
                self.held[each.name] |= targets
        return targets

    def cast(self, value: Cast) -> set[Location]:
        """Targets under another type: memory without a type gets one."""
        target = self.analysis.pointee(value.type)
        if target is None or target.kind != "record":
            return self.value(value.value)
        if self.around_something(value.value):
            return {Location("object", target.name, bare(each.origin)) for each in self.value(value.value)}
        targets = self.value(value.value)
        return {self.typed(each, target.name) for each in targets}

    def around_something(self, value: Value) -> bool:
        """True for `container_of()` of a type that is not named: a constant is taken from a pointer to no type."""
        target = self.analysis.pointee(value.type) if isinstance(value, Offset) and not value.by else None
        return target is not None and target.kind == "void"

    def typed(self, location: Location, record: str) -> Location:
        """A location as a record that a pointer was cast to: memory behind another field is an object of its own."""
        if location.kind in ("variable", "made"):
            return location
        if location.kind == "fresh":  # others may get to know it
            return Location("object", record, location.name)
        if location.steps:
            around, name = location.steps[-1]
            same = self.analysis.inner.get(around, {}).get(whole_array(name)) == record
            return location if same else Location("object", record, self.spelled(location))
        return Location("object", record, location.origin) if location.kind == "object" else location

    def offset(self, value: Offset) -> set[Location]:
        """A pointer that was moved: an array behind a pointer, whose length nobody knows."""
        self.several(value.by)
        return set(map(moved, self.value(value.base)))

    def container(self, location: Location, record: str, path: tuple[str, ...]) -> Location:
        """The record around a field."""
        names = tuple(whole_array(name) for _, name in location.steps[-len(path) :])
        if names == path and len(location.steps) >= len(path):
            return Location(location.kind, location.name, location.origin, location.steps[: -len(path)])
        if location.kind in ("fresh", "variable"):
            return location
        return Location("object", record, location.origin)

    # Places.

    def place(self, place: Place) -> set[Location]:
        """The locations of a place."""
        match place:
            case Var(name, "global"):
                return {Location("global", name)}
            case Var(name):
                return {Location("variable", name, self.analysis.record_of(place.type))}
            case FieldPlace(base, record, name):
                return {self.field(each, record, name) for each in self.place(base)}
            case Element(base, index, number):
                self.value(index)
                return {each.at(number) for each in self.place(base)} if number >= 0 else self.place(base)
            case Deref(pointer):
                targets = self.value(pointer)
                if not targets and self.analysis.final and not constant(pointer):
                    self.trouble("a pointer that comes from nowhere known")
                return targets
            case Temporary(value):
                self.value(value)
        return set()

    def field(self, location: Location, record: str, name: str) -> Location:
        """A field of a location; of a variable of the function's, or of new memory, it is the whole."""
        return location if location.kind in ("variable", "fresh") else location.onward(record, name)

    def note(self, location: Location, mode: str, place: Place) -> None:
        """Note an access, or that it cannot be resolved."""
        if location.kind in ("variable", "fresh"):
            return
        if location.kind == "made":
            self.trouble(f"a pointer that is made of a number, {location.origin}")
        elif self.sized(location):
            self.element(location, mode)
        elif location.kind == "object" and location.origin.startswith(ARRAY):
            self.trouble(f"an array behind {bare(location.origin)}, of unknown length")
        elif location.kind == "object" and not location.steps:
            self.whole(location, place)
        elif self.pointers_in_union(location):
            self.trouble(f"a pointer in the union {location.steps[-1][0]}, or what shares its bytes")
        else:
            self.summary.accesses[location].add(mode)
            self.summary.remember(location, (self.name, self.line))

    def element(self, location: Location, mode: str) -> None:
        """Note an access to a field of each record of an array whose length is known."""
        if location.steps:
            self.summary.accesses[location].add(mode)
            self.summary.remember(location, (self.name, self.line))

    def whole(self, location: Location, place: Place) -> None:
        """An access to all that a pointer leads to."""
        kind = self.analysis.program.types[place.type]
        if kind.kind == "record":
            self.all_of(location, kind.name, f"all of {kind.name} at once, behind {location.origin}")
        elif kind.kind == SCALAR and location.name == SCALAR:
            self.trouble(f"bytes behind {location.origin}, of unknown length")
        else:
            self.trouble(f"what lies behind {location.origin}, of no known type")

    def pointers_in_union(self, location: Location) -> bool:
        """True if a field lies in a union that has a pointer among its fields."""
        if not location.steps:
            return False
        record, name = location.steps[-1]
        plain = matches(f"{record}.{whole_array(name)}", self.analysis.memory.plain)
        return not plain and whole_array(name) in self.analysis.overlaid(record)

    def trouble(self, why: str) -> None:
        """Note what is unresolved."""
        self.summary.unresolved.add(Unresolved(why, self.name, self.line))

    def spelled(self, location: Location) -> str:
        """A location as users read it."""
        if location.steps:
            record, name = location.steps[-1]
            return f"{record}.{whole_array(name)}"
        return location.name if location.kind == "global" else location.origin or location.name

    # Calls.

    def call(self, call: Invocation) -> set[Location]:
        """A call: the summary of what it calls, or what the kernel does with its arguments."""
        arguments = [self.value(each) for each in call.arguments]
        if isinstance(call.callee, FunctionValue):
            names = [call.callee.name]
        elif chosen := functions_in(call.callee):
            names = chosen
        else:
            self.value(call.callee)
            names = [each for each in sorted(self.analysis.indirect[self.name]) if self.fits(each, call)]
            if not names:
                self.trouble(f"a call through {self.through(call.callee)}")
        found = set[Location]()
        for name in names:
            if self.analysis.inside(name):
                found |= self.put_in(name, arguments)
            else:
                found |= self.outside(name, call, arguments)
        return found

    def fits(self, name: str, call: Invocation) -> bool:
        """True if a function may be the target of a call, by the number of its arguments."""
        function = self.analysis.program.functions.get(name)
        return function is not None and len(function.parameters) == len(call.arguments)

    def through(self, callee: Value) -> str:
        """The pointer of a call as users read it."""
        if isinstance(callee, Load) and isinstance(callee.place, FieldPlace):
            return f"{callee.place.record}.{callee.place.name}"
        return "a pointer"

    def put_in(self, name: str, arguments: list[set[Location]]) -> set[Location]:
        """Put a function's summary in, in terms of the arguments."""
        summary = self.analysis.summaries[name]
        for location, modes in list(summary.accesses.items()):
            where = summary.where.get(location, (name, self.line))
            for each in self.instance(location, arguments):
                self.put_access(each, modes, where)
        self.summary.unresolved |= summary.unresolved
        return {each for location in summary.returns for each in self.instance(location, arguments)}

    def put_access(self, location: Location, modes: set[str], where: tuple[str, int]) -> None:
        """Note an access of a function that is called."""
        if location.kind in ("variable", "fresh"):
            return
        if location.kind == "made":
            self.summary.unresolved.add(Unresolved(f"a pointer that is made of a number, {location.origin}", *where))
        elif self.sized(location):
            for mode in modes:
                self.element(location, mode)
        elif location.kind == "object" and location.origin.startswith(ARRAY):
            why = f"an array behind {bare(location.origin)}, of unknown length"
            self.summary.unresolved.add(Unresolved(why, *where))
        elif location.kind == "object" and not location.steps:
            self.summary.unresolved.add(Unresolved(f"bytes behind {location.origin}, of unknown length", *where))
        else:
            self.summary.accesses[location] |= modes
            self.summary.remember(location, where)

    def instance(self, location: Location, arguments: list[set[Location]]) -> Iterator[Location]:
        """A location of a function that is called, in terms of ours."""
        if location.kind == "variable":
            yield Location("fresh", "", "a variable of a function that has returned")
        elif location.kind != "parameter":
            yield location
        elif int(location.name) < len(arguments):
            for each in arguments[int(location.name)]:
                target = moved(each) if location.origin.startswith(ARRAY) else each
                if target.kind in ("variable", "fresh"):
                    yield target
                else:
                    yield Location(target.kind, target.name, target.origin, (*target.steps, *location.steps))

    def outside(self, name: str, call: Invocation, arguments: list[set[Location]]) -> set[Location]:
        """A function of the kernel's, or one of the driver's that stayed there."""
        memory = self.analysis.memory
        if matches(name, memory.fresh):
            return {Location("fresh", name)}
        if name in NO_POINTER:
            return set()
        for number, (value, targets) in enumerate(zip(call.arguments, arguments, strict=True)):
            self.fill(name, value, targets)
            if not isinstance(value, StringLiteral) and not self.analysis.takes_string(name, number):
                for each in targets:
                    self.given(name, each)
        kind = self.analysis.program.types[call.type]
        if kind.kind != "pointer":
            return set()
        target = self.analysis.program.types[kind.to]
        return {Location("object", target.name if target.kind == "record" else target.kind, f"{name}()")}

    def fill(self, name: str, value: Value, targets: set[Location]) -> None:
        """A pointer variable whose address the kernel is given may hold an object of its type afterwards."""
        while isinstance(value, Cast):
            value = value.value
        if isinstance(value, Address) and self.analysis.program.types[value.place.type].kind == "pointer":
            for each in targets:
                if each.kind == "variable":
                    self.held[each.name] |= self.behind(Location("object", "", f"{name}()"), value.place.type)

    def given(self, name: str, target: Location) -> None:
        """Give a function of the kernel's a pointer: to an object it is a reference, to a number the number crosses."""
        memory = self.analysis.memory
        if target.kind in ("fresh", "made") or matches(name, memory.value):
            return
        if matches(name, memory.print):
            self.printed(target)
            return
        if target.kind == "variable":
            if target.origin and not matches(name, memory.local):
                self.given_whole(name, target.origin)
        elif target.steps:
            kind = self.last_type(target)
            if kind is not None and not self.analysis.record_of(kind):
                self.summary.accesses[target] |= {"r", "w"}
                self.summary.remember(target, (self.name, self.line))
            elif kind is not None and matches(name, memory.local):
                self.all_of(target, self.analysis.record_of(kind), f"{name}() of all of {self.spelled(target)} at once")
        elif self.touched(target, here=matches(name, memory.local)):
            self.summary.accesses[target] |= {"r", "w"}
            self.summary.remember(target, (self.name, self.line))
        elif self.sized(target):
            return
        elif matches(name, memory.local) and target.kind == "object":
            self.trouble(f"{name}() of what lies behind {bare(target.origin)}, of unknown length")
        elif target.kind == "object" and target.name == SCALAR:
            self.trouble(f"bytes behind {bare(target.origin)} that {name}() is given")

    def printed(self, target: Location) -> None:
        """Print something: the process makes the text, so characters within a record are read there."""
        kind = self.last_type(target)
        if kind is not None and not self.analysis.record_of(kind):
            self.summary.accesses[target].add("r")
            self.summary.remember(target, (self.name, self.line))

    def last_type(self, target: Location) -> Type | None:
        """The type of the field that a location ends with; None if it is no field, or its record is not known."""
        if not target.steps:
            return None
        record, name = target.steps[-1]
        known = self.analysis.program.records.get(record)
        fields = known.fields if known else ()
        return next((each.type for each in fields if each.name == whole_array(name)), None)

    def touched(self, target: Location, *, here: bool) -> bool:
        """True if bytes of a variable, or of what an argument points to, cross. `here`: the process reads or writes."""
        if target.kind == "global":
            return self.analysis.writable(target.name, here)
        return target.kind == "parameter" and (here or self.scalar(target))

    def given_whole(self, name: str, record: str) -> None:
        """Give a function of the kernel's a record of our own: all its fields cross, and each pointer needs a type."""
        if self.analysis.opaque(record, ()):
            self.trouble(
                f"a variable of type {record}, with pointers to bytes of unknown length, that {name}() is given"
            )
        else:
            whole = Location("object", record, "a variable", ((record, "*"),))
            self.summary.accesses[whole] |= {"r", "w"}
            self.summary.remember(whole, (self.name, self.line))

    def all_of(self, target: Location, record: str, why: str) -> None:
        """All fields of a record at once: each pointer among them needs a type."""
        if self.analysis.opaque(record, ()):
            self.trouble(why)
        else:
            self.summary.accesses[target.onward(record, "*")] |= {"r", "w"}
            self.summary.remember(target.onward(record, "*"), (self.name, self.line))

    def scalar(self, target: Location) -> bool:
        """True if a parameter points to a number."""
        kind = self.analysis.program.types[self.function.parameters[int(target.name)].type]
        return kind.kind == "pointer" and self.analysis.program.types[kind.to].kind == SCALAR

    def sized(self, location: Location) -> bool:
        """True if a row says how many bytes lie behind a field; the row's own field is read for it."""
        length = self.analysis.memory.lengths.get(bare(location.origin)) if location.kind == "object" else None
        if length and "." in length:
            record, _, name = length.partition(".")
            self.summary.accesses[Location("object", record, "a length", ((record, name),))].add("r")
        return length is not None


TARGETS: Mapping[type, Callable[[Reading, Any], set[Location]]] = {
    Load: lambda reading, value: reading.load(value.place),
    Address: lambda reading, value: reading.place(value.place),
    Assignment: lambda reading, value: reading.store(value.place, value.value, value.reads),
    Cast: Reading.cast,
    Offset: Reading.offset,
    Mix: lambda reading, value: reading.several(value.parts),
    Invocation: Reading.call,
    Container: Reading.around,
    Block: lambda reading, value: reading.block(value.body),
    Initial: lambda reading, value: reading.several(each for _, each in value.items),
    Assembler: lambda reading, value: reading.several(value.operands),
}


def moved(location: Location) -> Location:
    """The target of a pointer that was moved."""
    if location.kind in ("object", "parameter") and not location.steps and not location.origin.startswith(ARRAY):
        return Location(location.kind, location.name, f"{ARRAY}{location.origin}")
    return location


def whole_array(name: str) -> str:
    """A field's name without the number of an element."""
    return name.partition("[")[0]


def bare(origin: str) -> str:
    """An origin without the mark of an array."""
    return origin.removeprefix(ARRAY)


def kernels(node: Any) -> bool:
    """True if only the kernel can run a node: machine code, or a call through a table."""
    return isinstance(node, Assembler) or (
        isinstance(node, Invocation) and isinstance(node.callee, Load) and isinstance(node.callee.place, FieldPlace)
    )


def functions_in(callee: Value) -> list[str]:
    """The functions that a callee is one of, chosen by a type; none if it is read from somewhere."""
    found = [*nodes(callee)]
    read = any(isinstance(node, Load) for node in found)
    return [] if read else sorted({node.name for node in found if isinstance(node, FunctionValue)})


def constant(value: Value) -> bool:
    """True if a value comes from nowhere because it is a constant."""
    return not any(isinstance(node, Load | Invocation | Address) for node in nodes(value))
