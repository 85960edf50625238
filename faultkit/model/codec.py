"""Parts of a trial <-> JSON: `{"is": "injectors.udriver.kill:Kill", ...fields}`."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
from enum import Enum
from typing import Any

from faultkit.model.errors import UsageError

GOLDEN = "golden"  # the injector of a trial without a fault
WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def encode(part: Any) -> Any:
    """Plain data for `part`: dataclasses become objects that name their class, tuples become lists."""
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


def decode(data: Any) -> Any:
    """The part that `encode` was given. Raises: ImportError, AttributeError, TypeError if its class is gone."""
    if isinstance(data, dict):
        module, _, name = data["is"].partition(":")
        cls = getattr(importlib.import_module(module), name)
        return cls(**{key: decode(value) for key, value in data.items() if key != "is"})
    if isinstance(data, list):
        return tuple(decode(item) for item in data)
    return data


def dumps(part: Any) -> str:
    """One line of JSON, the same for equal parts."""
    return json.dumps(encode(part), sort_keys=True, separators=(",", ":"))


def loads(text: str | bytes) -> Any:
    """The part that `dumps` was given."""
    return decode(json.loads(text))


def name_of(part: Any) -> str:
    """The short name of a part's class, as tables use it; `golden` for None, the fault of a trial without one."""
    return GOLDEN if part is None else short_name(class_path(type(part)))


def class_path(cls: type) -> str:
    """A class by module and name, which no other class has: `monitors.kernel:Kernel`."""
    return f"{cls.__module__}:{cls.__qualname__}"


def full_name(part: Any) -> str:
    """A part by class and fields, as no other part is called: `monitors.kernel:Kernel`, `mine:Slow{"limit_s":2}`."""
    fields = {key: value for key, value in encode(part).items() if key != "is"}
    shown = json.dumps(fields, sort_keys=True, separators=(",", ":")) if fields else ""
    return f"{class_path(type(part))}{shown}"


def short_name(full: str) -> str:
    """The name that tables use for a class or full name: `injectors.kdriver.call_error:CallError` -> `call_error`."""
    return WORD_START.sub("_", full.partition("{")[0].rpartition(":")[2].rpartition(".")[2]).lower()
