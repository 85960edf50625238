"""Knowledge of the kernel, as data: in which context each slot's function is called. One tree of TOML for all drivers.

A row of `[slots.RECORD]` is for a field of a record, with `*` for its other fields; one of `[slots]` for a slot that is
no field; one of `[arguments]` for an argument of a function (`request_threaded_irq(1)`); one of `[types]` for arguments
of a type, by its name. The text of a row is `CONTEXT: WHY`:

* data: the data path, of packets, transfers, commands, or an interrupt;
* atomic: may not sleep;
* process: may sleep;
* caller: called back within a call of the driver's own, in its context; `[through]` names the functions, patterns of
  names, if the slot is no argument;
* private: the kernel does not call it.

A row that says atomic is safe, if not good, for any slot. A slot without a row is unknown.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from faultkit.model.errors import HarnessError
from slicer.tree import Declared

PLACE = Path(__file__).with_name("knowledge")
CONTEXTS = ("data", "atomic", "process", "caller", "private")
ROW = re.compile(r"(?P<context>[a-z]+): (?P<why>.+)")
ACQUIRED = re.compile(
    r"(?P<release>\w+)\((?P<sources>[\w ,-]*)\)(; interrupt (?P<interrupt>\d))?(; lock (?P<lock>\d))?"
)
OBJECT = re.compile(r"object (?P<record>\w+)")
RANGE = re.compile(
    r"(?P<kind>registers|coherent|addresses|bar) at (?P<at>\w+), (?P<bytes>\d) (?:bytes|device)"
    r"(, (?:physical|bar) (?P<physical>\d))?"
)
ARGUMENT = re.compile(r"(?P<function>\w+)\((?P<number>\d+)\)")
OTHERS = "*"
EFFECTS = ("acquire", "share", "unshare", "keeps", "keep", "ends", "points", "private", "busy", "halves")


@dataclass(frozen=True, slots=True, order=True)
class KnowledgeRow:
    """A row of knowledge: the slots that it is for, the context of their functions, and why."""

    key: str
    context: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEffects:
    """Patterns of functions by their effect on memory: they run in the process, give new memory, or print.

    `strings`: of those, all arguments but the first are strings; of `compare`, all are.
    `value`: they take pointers as mere numbers, such as addresses of a device's registers.
    `plain`: fields of unions that hold no pointer, although another one of the union does.
    `lengths`: a pointer, in a field or in an argument of a slot -> a text that says how long what it points to is.
    `reads`: a function -> fields that it reads in a way that nobody can follow, `record.path`.
    """

    local: tuple[str, ...]
    fresh: tuple[str, ...]
    print: tuple[str, ...]
    strings: tuple[str, ...]
    compare: tuple[str, ...]
    value: tuple[str, ...]
    plain: tuple[str, ...]
    lengths: Mapping[str, str]
    reads: Mapping[str, tuple[str, ...]]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.local, *self.fresh, *self.print)


@dataclass(frozen=True, slots=True)
class Acquired:
    """A thing that a function acquires: its release, with the source of each argument, and the interrupt's argument.

    `lock`: the argument whose object it lies in, if it is a lock.
    """

    release: str
    sources: tuple[str, ...]
    interrupt: int | None
    lock: int | None = None


@dataclass(frozen=True, slots=True)
class SharedRange:
    """A thing that a function gives to both halves: an object of a record, or a range of memory.

    `kind`: object, registers, coherent, addresses, bar; `at`, `size`, `physical`: sources; "" if there is none. Of a
    bar, `size` is the device, and `physical` the number of the bar.
    """

    kind: str
    record: str = ""
    at: str = "result"
    size: str = ""
    physical: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEffects:
    """Effects of calls between the halves: functions -> what they acquire, share, end and keep.

    `keep`: an argument that stays known -> the slot whose function ends that; `ends`: slots whose functions give back
    what others acquired; `points`: an argument -> the record that
    it leads to; `private`: record -> the function that leads to the driver's own one behind it; `busy`: slot -> an
    answer in C; `own`: records that stay in each half; `ports`: functions that reach ports of the machine.
    """

    acquire: Mapping[str, Acquired]
    share: Mapping[str, SharedRange]
    unshare: Mapping[str, int]
    keeps: Mapping[str, int]
    keep: Mapping[str, str]
    ends: Mapping[str, str]
    points: Mapping[str, str]
    private: Mapping[str, str]
    busy: Mapping[str, str]
    own: frozenset[str]
    ports: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All rows by their keys; `through`: slot -> patterns of functions; `acquire`, `release`: patterns of locks."""

    rows: Mapping[str, KnowledgeRow]
    types: Mapping[str, KnowledgeRow]
    through: Mapping[str, tuple[str, ...]]
    acquire: tuple[str, ...]
    release: tuple[str, ...]
    memory: MemoryEffects
    calls: CallEffects

    def row(self, slot: str, declared: Mapping[str, Declared]) -> KnowledgeRow | None:
        """The row for a slot, the most special one; None if there is none. `declared`: functions of the kernel's."""
        record, _, _ = slot.rpartition(".")
        found = self.rows.get(slot) or self.rows.get(f"{record}.{OTHERS}")
        argument = ARGUMENT.fullmatch(slot)
        if found is None and argument and (function := declared.get(argument["function"])):
            number = int(argument["number"])
            name = function.typedefs[number] if number < len(function.typedefs) else ""
            return self.types.get(name)
        return found

    def callers(self, slot: str) -> tuple[str, ...]:
        """The patterns of the functions within which a slot's function is called."""
        argument = ARGUMENT.fullmatch(slot)
        return self.through.get(slot) or ((argument["function"],) if argument else ())


def matches(name: str, patterns: Iterable[str]) -> bool:
    """True if one of the patterns is for a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@functools.cache
def shared_knowledge() -> Knowledge:
    """The knowledge that comes with the slicer. Raises: HarnessError if a row cannot be read, or stands there twice."""
    return knowledge_of(*shared_files())


def shared_files() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The files that come with the slicer, each with its tables."""
    yield from ((path.name, tomllib.loads(path.read_text())) for path in sorted(PLACE.glob("*.toml")))


def annotated_knowledge(name: str, tables: Mapping[str, Any]) -> Knowledge:
    """The shared knowledge with a driver's annotations, a file's tables. Raises: HarnessError as `shared_knowledge`."""
    return knowledge_of(*shared_files(), (name, tables))


def knowledge_of(*files: tuple[str, Mapping[str, Any]]) -> Knowledge:
    """The knowledge of some files. Raises: HarnessError if a row cannot be read, or stands there twice."""
    rows: dict[str, KnowledgeRow] = {}
    types: dict[str, KnowledgeRow] = {}
    through: dict[str, tuple[str, ...]] = {}
    locks: dict[str, list[str]] = {"acquire": [], "release": []}
    memory: dict[str, list[str]] = {
        kind: [] for kind in ("local", "fresh", "print", "strings", "compare", "value", "plain")
    }
    lengths: dict[str, str] = {}
    reads: dict[str, tuple[str, ...]] = {}
    effects: dict[str, dict[str, Any]] = {kind: {} for kind in EFFECTS}
    for name, tables in files:
        for key, text in keyed(tables):
            if key in rows:
                raise HarnessError(f"{name}: {key} has two rows")
            rows[key] = parsed(key, text)
        types |= {kind: parsed(kind, text) for kind, text in tables.get("types", {}).items()}
        through |= {slot: tuple(patterns) for slot, patterns in tables.get("through", {}).items()}
        for kind, patterns in tables.get("locks", {}).items():
            locks[kind] += patterns
        lengths |= tables.get("lengths", {})
        reads |= {function: tuple(fields) for function, fields in tables.get("reads", {}).items()}
        for kind in effects:
            effects[kind] |= tables.get(kind, {})
        for kind, patterns in tables.get("memory", {}).items():
            memory[kind] += patterns
    return Knowledge(
        rows=rows,
        types=types,
        through=through,
        acquire=tuple(locks["acquire"]),
        release=tuple(locks["release"]),
        memory=MemoryEffects(
            **{kind: tuple(patterns) for kind, patterns in memory.items()}, lengths=lengths, reads=reads
        ),
        calls=CallEffects(
            acquire={name: acquired(name, text) for name, text in effects["acquire"].items()},
            share={name: shared_range(name, text) for name, text in effects["share"].items()},
            unshare=effects["unshare"],
            keeps=effects["keeps"],
            keep=effects["keep"],
            ends=effects["ends"],
            points=effects["points"],
            private=effects["private"],
            busy=effects["busy"],
            own=frozenset(effects["halves"].get("own", ())),
            ports=frozenset(effects["halves"].get("ports", ())),
        ),
    )


def acquired(name: str, text: str) -> Acquired:
    """A row of `[acquire]`. Raises: HarnessError."""
    found = ACQUIRED.fullmatch(text)
    if found is None:
        raise HarnessError(f"{name} = {text!r} is no row: it is RELEASE(SOURCES), `; interrupt N`, `; lock N`")
    sources = tuple(each.strip() for each in found["sources"].split(","))
    interrupt, lock = (int(found[word]) if found[word] else None for word in ("interrupt", "lock"))
    return Acquired(found["release"], sources, interrupt, lock)


def shared_range(name: str, text: str) -> SharedRange:
    """A row of `[share]`. Raises: HarnessError."""
    if found := OBJECT.fullmatch(text):
        return SharedRange("object", found["record"])
    found = RANGE.fullmatch(text)
    if found is None:
        raise HarnessError(f"{name} = {text!r} is no row: it is `object RECORD`, or KIND at SOURCE, SOURCE bytes")
    return SharedRange(found["kind"], "", found["at"], found["bytes"], found["physical"] or "")


def keyed(tables: Mapping[str, Mapping[str, str | Mapping[str, str]]]) -> Iterable[tuple[str, str]]:
    """The rows of a file with their keys: `RECORD.FIELD`, `FUNCTION(NUMBER)`."""
    for name, row in tables.get("slots", {}).items():
        if isinstance(row, str):
            yield name, row
        else:
            yield from ((f"{name}.{field}", text) for field, text in row.items())
    for name, row in tables.get("arguments", {}).items():
        yield name, str(row)


def parsed(key: str, text: str) -> KnowledgeRow:
    """A row of a file. Raises: HarnessError."""
    found = ROW.fullmatch(text)
    if found is None or found["context"] not in CONTEXTS:
        raise HarnessError(f"{key} = {text!r} is no row: it is CONTEXT: WHY, with one of {', '.join(CONTEXTS)}")
    return KnowledgeRow(key, found["context"], found["why"])
