"""The faults of a trial list that can be told before anything is prepared: each trial is checked as it is listed.

A part's fields must be of their types, and have the methods of their protocols. A part that knows of more
says so itself (`faultkit.model.parts.Foresees`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from faultkit.machine import cbuild
from faultkit.model.abilities import is_value, members
from faultkit.model.builds import KernelModule, Program
from faultkit.model.codec import name_of
from faultkit.model.errors import NotPlaced, UnmetNeed, UsageError
from faultkit.model.parts import Driver, Foresees, InProgram, Ships, Split, iter_parts
from faultkit.model.trial import Trial

COMM = 15  # characters that the kernel keeps of a process' name


def check_trial(n: int, trial: Trial) -> None:
    """Refuse a trial that cannot be carried out. Raises: UsageError with its number and the part."""
    for part in iter_parts(trial):
        for problem in wrong_fields(part):
            raise UsageError(f"trial {n}: {problem}")
    check_parts(n, trial, trial.driver)


def check_parts(n: int, whole: Any, driver: Driver) -> None:
    """Refuse a part, or one in it, that says itself that it does not fit the driver. Raises: UsageError."""
    for part in iter_parts(whole):
        if isinstance(part, Foresees):
            try:
                part.foresee(driver)
            except NotPlaced as reason:
                raise UsageError(f"trial {n}: {name_of(part)}: {reason}") from None
            except Exception as reason:
                raise UsageError(f"trial {n}: {name_of(part)}: {type(reason).__name__}: {reason}") from reason
        if isinstance(part, InProgram) and (missing := missing_function(part, driver)):
            raise UsageError(f"trial {n}: {name_of(part)}: {missing}")


def missing_function(fault: InProgram, driver: Any) -> str | None:
    """A function of the fault's that the u-driver's program does not have, in words; None if all are there.

    None as well if that cannot be told here: the program is the guest's own, or stripped, or no compiler is here.
    """
    names = functions_of_udriver(driver)
    missing = [name for name in fault.program_functions if names and name not in names]
    if not missing:
        return None
    near = get_close_matches(missing[0], names, 3)
    hint = f"; near to it are {', '.join(near)}" if near else ""
    return f"the u-driver {driver.udriver} has no function {missing[0]!r}: it may be inlined{hint}"


def functions_of_udriver(driver: Any) -> frozenset[str]:
    """The functions of the program that a driver ships under its u-driver's name; none if they are not known."""
    if not (isinstance(driver, Split) and isinstance(driver, Ships)):
        return frozenset()
    named = (file for place, file in driver.files().items() if PurePath(place).name[:COMM] == driver.udriver[:COMM])
    file = next((file for file in named if not isinstance(file, KernelModule)), None)
    if file is None:
        return frozenset()
    try:
        return function_names(cbuild.program(file) if isinstance(file, Program) else file)
    except (UnmetNeed, OSError, ELFError):
        return frozenset()


@cache
def function_names(program: Path) -> frozenset[str]:
    """The functions in a program's symbol table. Raises: OSError; ELFError if it is no program."""
    with program.open("rb") as file:
        table: Any = ELFFile(file).get_section_by_name(".symtab")
        symbols = table.iter_symbols() if table else ()
        return frozenset(symbol.name for symbol in symbols if symbol["st_info"]["type"] == "STT_FUNC")


def wrong_fields(part: Any) -> Iterator[str]:
    """The fields of a part that are of another type than declared, each in a few words."""
    for name, hint in hints_of(part.__class__).items():
        value = getattr(part, name)
        if not suits(value, hint):
            yield f"{type(part).__name__}({name}={value!r}): {wanted(value, hint)}"


@cache
def hints_of(cls: Any) -> Mapping[str, Any]:
    """The types of a part's fields; none where they cannot be looked up."""
    try:
        hints = get_type_hints(cls)
    except (NameError, AttributeError, TypeError):
        return {}
    return {field.name: hints[field.name] for field in fields(cls)} if is_dataclass(cls) else {}


def suits(value: Any, hint: Any) -> bool:
    """Say if a value is what a field's type says; an int is a float, and a list a tuple, as in stored plans."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(suits(value, each) for each in inner)
    if origin is tuple:
        kinds = of_elements(inner, len(value)) if isinstance(value, (tuple, list)) else ()
        return isinstance(value, (tuple, list)) and len(kinds) == len(value) and all(map(suits, value, kinds))
    if hint is float:
        return isinstance(value, (int, float)) and value == value  # noqa: PLR0124 -- NaN is no time and no share
    if getattr(hint, "_is_protocol", False):
        return is_part(value) and not lacking(value, hint)
    return is_value(value, hint)


def of_elements(inner: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """The types of a tuple's elements."""
    return inner[:1] * count if inner[1:] == (...,) else inner


def is_part(value: Any) -> bool:
    """Say if a value is a part, and not a part's class."""
    return is_dataclass(value) and not isinstance(value, type)


@cache
def demanded(protocol: Any) -> tuple[str, ...]:
    """The names of the members that a protocol's parts have, but for class variables."""
    return tuple(name for name, member in members(protocol).items() if get_origin(member) is not ClassVar)


def lacking(part: Any, protocol: type) -> list[str]:
    """The members of a protocol that a part has not."""
    return [name for name in demanded(protocol) if not hasattr(part, name)]


def wanted(value: Any, hint: Any) -> str:
    """The remedy for a value of another type."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    protocol = next((each for each in kinds if getattr(each, "_is_protocol", False)), None)
    if words := [repr(word) for each in kinds if get_origin(each) is Literal for word in get_args(each)]:
        return f"give {' or '.join(words)}"
    for inner in (get_args(each) for each in kinds if get_origin(each) is tuple and isinstance(value, (tuple, list))):
        pairs = zip(value, of_elements(inner, len(value)), strict=False)
        wrong = next((pair for pair in pairs if not suits(*pair)), None)
        return f"{wrong[0]!r}: {wanted(*wrong)}" if wrong else f"{len(inner)} elements are needed"
    if protocol and isinstance(value, type):
        return f"it is a class: write {value.__name__}(...)"
    if protocol and is_part(value):
        return f"it is no {protocol.__name__.lower()}, as it has no {', '.join(lacking(value, protocol))}"
    return f"of type {a_kind(type(value))}, not {' or '.join(map(a_kind, kinds))}"


def a_kind(hint: Any) -> str:
    """A type in words."""
    if hint in (None, NoneType):
        return "None"
    name = getattr(hint, "__name__", "") if isinstance(hint, type) and not get_args(hint) else str(hint)
    return name.replace("typing.", "")
