"""Parts of a trial <-> JSON: `{"is": "injectors.udriver.kill:Kill", ...fields}`."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import types
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from faultkit.model.abilities import is_value
from faultkit.model.errors import UsageError

Find = Callable[[str], type | None]  # a class's path -> the class; None: its module is not loaded

GOLDEN = "golden"  # the injector of a trial without a fault
WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclasses.dataclass(frozen=True, slots=True)
class ForeignPart:
    """A stored part whose module is not loaded: its class by name, and its fields as plain data.

    The fields can be read like those of the part. What its class computes is not there.
    """

    name: str
    fields: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self.fields:
            raise AttributeError(f"{self.name} is of a module that is not loaded, and no {name} is stored")
        return self.fields[name]


def imported(name: str) -> type:
    """The class of a path, its module imported. For a guest, whose plans the host has made; never for stored plans."""
    module, _, cls = name.partition(":")
    found: type = getattr(importlib.import_module(module), cls)
    return found


def foreign_parts(part: Any) -> Iterator[ForeignPart]:
    """The parts in a part, at any depth, whose modules are not loaded."""
    if isinstance(part, ForeignPart):
        yield part
        yield from (found for value in part.fields.values() for found in foreign_parts(value))
    elif isinstance(part, tuple):
        yield from (found for each in part for found in foreign_parts(each))
    elif dataclasses.is_dataclass(part):
        yield from (found for f in dataclasses.fields(part) for found in foreign_parts(getattr(part, f.name)))


@cache
def hints_of(cls: Any) -> Mapping[str, Any]:
    """The types of a class's fields; none where an annotation names something that is not there."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError):
        return {}


def suits(value: Any, hint: Any) -> bool:
    """True if a decoded value may be in a field of this type. Types of parts take anything: roles are checked apart."""
    origin, of = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(suits(value, each) for each in of)
    if origin is tuple:
        return isinstance(value, tuple) and suit(value, of)
    if origin is Mapping:
        return isinstance(value, dict) and all(suits(each, of[1]) for each in value.values())
    if origin is not Literal and hint not in PLAIN:
        return True
    fits = is_value(value, int | float if hint is float else hint)
    return fits and (hint is bool or not isinstance(value, bool))  # to Python a bool is an int


def suit(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    """True if the values may be in a tuple of these types."""
    if hints[-1:] == (...,):
        return all(suits(each, hints[0]) for each in values)
    return len(values) == len(hints) and all(map(suits, values, hints))


PLAIN = frozenset({types.NoneType, bool, int, float, str})


def encode(part: Any) -> Any:
    """Plain data for `part`: dataclasses become objects that name their class, tuples become lists."""
    if isinstance(part, ForeignPart):
        return {"is": part.name, **{name: encode(value) for name, value in part.fields.items()}}
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        fields = {f.name: encode(getattr(part, f.name)) for f in dataclasses.fields(part)}
        return {"is": class_path(type(part)), **fields}
    if isinstance(part, (list, tuple)):
        return [encode(item) for item in part]
    if isinstance(part, Enum):
        return part.value
    if part is None or isinstance(part, (bool, int, float, str)):
        return part
    raise UsageError(f"a {type(part).__name__} ({part!r}) cannot be stored: use numbers, strings and tuples of them")


def decode(data: Any, find: Find) -> Any:
    """The part that `encode` was given. `find` gives the class of a name; a part without one stays plain data.

    Raises: UsageError for a class that is none of a part's; ImportError, AttributeError, TypeError if it is gone or has
    other fields.
    """
    if isinstance(data, dict):
        return made(data, find)
    if isinstance(data, list):
        return tuple(decode(item, find) for item in data)
    return data


def made(data: Mapping[str, Any], find: Find) -> Any:
    """The part that an object of a plan stands for. Raises: as `decode`."""
    name = data.get("is")
    if not isinstance(name, str):
        raise TypeError("an object in it names no class")
    fields = {key: decode(value, find) for key, value in data.items() if key != "is"}
    cls = find(name)
    if cls is None:
        return ForeignPart(name, fields)
    for key, value in fields.items():
        if not suits(value, hints_of(cls).get(key, Any)):
            raise TypeError(f"{name}: {key} is {value!r:.60}")
    return cls(**fields)


def dumps(part: Any) -> str:
    """One line of JSON, the same for equal parts."""
    return json.dumps(encode(part), sort_keys=True, separators=(",", ":"))


def loads(text: str | bytes, find: Find) -> Any:
    """The part that `dumps` was given."""
    return decode(json.loads(text), find)


def name_of(part: Any) -> str:
    """The short name of a part's class, as tables use it; `golden` for None, the fault of a trial without one."""
    return GOLDEN if part is None else short_name(path_of(part))


def path_of(part: Any) -> str:
    """The class of a part by module and name, also of one whose module is not loaded."""
    return part.name if isinstance(part, ForeignPart) else class_path(type(part))


def class_path(cls: type) -> str:
    """A class by module and name, which no other class has: `monitors.kernel:Kernel`."""
    return f"{cls.__module__}:{cls.__qualname__}"


def full_name(part: Any) -> str:
    """A part by class and fields, as no other part is called: `monitors.kernel:Kernel`, `mine:Slow{"limit_s":2}`."""
    fields = {key: value for key, value in encode(part).items() if key != "is"}
    shown = json.dumps(fields, sort_keys=True, separators=(",", ":")) if fields else ""
    return f"{path_of(part)}{shown}"


def short_name(full: str) -> str:
    """The name that tables use for a class or full name: `injectors.kdriver.call_error:CallError` -> `call_error`."""
    return WORD_START.sub("_", full.partition("{")[0].rpartition(":")[2].rpartition(".")[2]).lower()
