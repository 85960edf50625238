"""A module's program: its files read and linked, and kept in the cache for the next question about it."""

from __future__ import annotations

import ast
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from faultkit.machine import cache
from faultkit.machine.image import headers_version
from faultkit.model.errors import UsageError
from slicer import lowering, source, tree
from slicer.source import Source
from slicer.tree import Declared, Defined, FunctionValue, Global, ModuleTree, RecordType, Type, TypeOf, UnitTree, Var

FILE = "program.json.z"
READERS = (tree, lowering, source)
ENTRIES = frozenset({"init_module", "cleanup_module"})
TABLES = "__mod_"  # what MODULE_DEVICE_TABLE() calls the alias of a table
EXPORTED = "__UNIQUE_ID___addressable_"  # what EXPORT_SYMBOL() calls the variable that keeps a symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverProgram:
    """A module's functions and variables by name; two static ones of one name are told apart by their files."""

    name: str
    functions: Mapping[str, Defined]  # own ones, and those of the kernel's headers that they reach
    declared: Mapping[str, Declared]  # functions of the kernel's and of other modules
    globals: Mapping[str, Global]
    types: tuple[TypeOf, ...]
    records: Mapping[str, RecordType]

    def own(self) -> Iterator[Defined]:
        """The driver's own functions, by name."""
        return (function for _, function in sorted(self.functions.items()) if function.own)

    def exports(self) -> frozenset[str]:
        """The functions and variables that other modules may use by name."""
        kept = (variable.initial for name, variable in self.globals.items() if name.startswith(EXPORTED))
        found = (each for initial in kept for each in tree.nodes(initial) if isinstance(each, FunctionValue | Var))
        return frozenset(each.name for each in found) - ENTRIES

    def shared(self) -> frozenset[str]:
        """The driver's own records that another module gets hold of: by what it exports, or by what this one calls.

        Those are the records that parameters, results and shared variables lead to, by pointers and by embedding.
        """
        exports = self.exports()
        kinds = [variable.type for name, variable in self.globals.items() if outward(variable) or name in exports]
        for each in self.declared.values():
            kinds += [each.type, *each.parameters] if each.own and each.name not in ENTRIES else []
        for name in exports & self.functions.keys():
            kinds += [self.functions[name].type, *(each.type for each in self.functions[name].parameters)]
        return frozenset(self.reached(kinds))

    def reached(self, kinds: Iterable[Type]) -> Iterator[str]:
        """The own records that types lead to."""
        pending, seen = [*kinds], set[Type]()
        while pending:
            number = pending.pop()
            if number in seen:
                continue
            seen.add(number)
            kind = self.types[number]
            record = self.records.get(kind.name) if kind.kind == "record" else None
            if record is not None and record.own:
                yield record.name
                pending += [field.type for field in record.fields]
            elif kind.to >= 0:
                pending.append(kind.to)


def outward(variable: Global) -> bool:
    """True for a variable that the driver's files declare and do not define: another module does."""
    return variable.own and not variable.defined and not variable.static and not variable.name.startswith(TABLES)


def read_program(driver: str, module: str | None = None) -> DriverProgram:
    """The program of a driver. Raises: UsageError if there is none, or it does not compile."""
    found = source.find(driver, module)
    if module and found.kernel:
        raise UsageError(f"{driver!r} is one module: --module is for a folder that builds several")
    return program_of(found)


def program_of(found: Source) -> DriverProgram:
    """The program of a driver's source. Raises: UsageError if it does not compile."""
    kept = cache.entry("programs", key(found), partial(keep, found))
    return linked(found.name, tree.node_of(json.loads(zlib.decompress((kept / FILE).read_bytes()))))


def keep(found: Source, place: Path) -> None:
    """Read a driver's source, and write it into a folder. Raises: UsageError with the compiler's first words."""
    read_now = lowering.lowered(found)
    errors = [error for unit in read_now.units for error in unit.errors]
    if errors:
        raise UsageError(f"{found.name} does not compile: {errors[0]}")
    (place / FILE).write_bytes(zlib.compress(json.dumps(tree.data_of(read_now)).encode()))


def key(found: Source) -> str:
    """The hash of all that a program depends on."""
    readers = (meaning(Path(str(module.__file__)).read_text()) for module in READERS)
    folder = found.home
    inner = source.tree().name if found.kernel else cache.digest(*files(folder))
    options = (str(unit.file.relative_to(folder)) + " ".join(unit.options) for unit in found.units)
    return cache.digest(headers_version(), version("libclang"), *readers, inner, found.name, *options)


def meaning(code: str) -> str:
    """Python code without comments, layout and docstrings: two texts of one meaning read a driver alike."""
    parsed = ast.parse(code)
    for node in ast.walk(parsed):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.dump(parsed)


def files(folder: Path) -> Iterator[bytes]:
    """The names and contents of the files that a folder's modules are made of."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".c", ".h") and path.is_file()):
        yield str(path.relative_to(folder)).encode()
        yield path.read_bytes()


def linked(name: str, module: ModuleTree) -> DriverProgram:
    """One program of several files."""
    functions: dict[str, Defined] = {}
    declared: dict[str, Declared] = {}
    variables: dict[str, Global] = {}
    clashes = clashing(module.units)
    for unit in module.units:
        renaming = {name: f"{name} ({unit.file})" for name in clashes if name in statics(unit)}
        for function in unit.functions:
            functions.setdefault(renaming.get(function.name, function.name), renamed(function, renaming))
        for each in unit.declared:
            declared.setdefault(each.name, each)
        for variable in unit.globals:
            label = renaming.get(variable.name, variable.name)
            if label not in variables or variable.defined:
                variables[label] = renamed(variable, renaming)
    records = {record.name: record for record in module.records}
    known = {each: function for each, function in declared.items() if each not in functions}
    return DriverProgram(
        name=name, functions=functions, declared=known, globals=variables, types=module.types, records=records
    )


def statics(unit: UnitTree) -> frozenset[str]:
    """The names that a file keeps to itself: static functions and variables of the driver's own."""
    functions = (each.name for each in unit.functions if each.own and each.static and each.file == unit.file)
    return frozenset([*functions, *(each.name for each in unit.globals if each.static and each.own)])


def clashing(units: tuple[UnitTree, ...]) -> frozenset[str]:
    """The names that two files use, one of them for itself."""
    counts = Counter(name for unit in units for name in {*statics(unit), *visible(unit)})
    private = frozenset().union(*map(statics, units))
    return frozenset(name for name, count in counts.items() if count > 1 and name in private)


def visible(unit: UnitTree) -> Iterator[str]:
    """The names of a file's functions and variables that are not static."""
    yield from (each.name for each in unit.functions if each.own and not each.static)
    yield from (each.name for each in unit.globals if each.own and not each.static)


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A node, with functions and global variables under other names."""
    if not names:
        return node
    if isinstance(node, tuple):
        return tuple(renamed(each, names) for each in node)
    cls = type(node)
    if cls not in tree.NUMBER:
        return node
    values = {name: renamed(getattr(node, name), names) for name in tree.NAMES[cls]}
    if cls in (FunctionValue, Defined, Global) or (cls is Var and node.scope == "global"):
        values["name"] = names.get(node.name, node.name)
    return cls(**values)
