"""The classes of stored parts: a closed design. A file of results names classes; it never decides what is imported.

Our own packages are imported. Of other modules only those count that the user has loaded: a part of any other is kept
as plain data (`faultkit.model.codec.ForeignPart`). A class must be a frozen dataclass; in our packages it must also
be a part, that is fulfil one of the protocols, or be one of the model's values.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from collections.abc import Mapping
from typing import Any

from faultkit.model.codec import ForeignPart, decode
from faultkit.model.errors import UsageError
from faultkit.model.same_names import SHARED, is_ours
from faultkit.model.trial import Detectors, Trial

PATH = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_<>]\w*>?)*)", re.ASCII)
OURS = ("drivers", "injectors", "monitors", "microdriver")
MODEL = tuple(f"faultkit.model.{name}" for name in ("builds", "code", "parts", "policies", "trial", "triggers"))
ROLES: Mapping[str, tuple[str, ...]] = {  # a trial's field -> the methods of its part
    "driver": ("load", "unload", "attach", "detach", "probe"),
    "workload": ("run",),
    "policy": ("decide",),
    "fault": ("inject",),
    "trigger": ("arm",),
    "monitors": ("attach", "decode"),
}
METHODS = (*ROLES.values(), ("on_host",))


def known(path: str) -> type | None:
    """The class of a stored part; None if its module is not ours and not loaded.

    Raises: UsageError if it is no part; ImportError, AttributeError if one of ours is gone.
    """
    found = PATH.fullmatch(path)
    if found is None:
        raise UsageError(f"{path[:60]!r} is the name of no part: a damaged file, or one that is not to be trusted")
    module, name = found[1], found[2]
    top = module.partition(".")[0]
    if module in MODEL or (top in OURS and (top not in SHARED or is_ours(module))):
        return ours(module, name)
    if top == "faultkit" or top in sys.stdlib_module_names:
        raise UsageError(f"{path!r} is no part, and is not loaded: a damaged file, or one that is not to be trusted")
    return loaded(module, name)


def ours(module: str, name: str) -> type:
    """A part or a value of our own packages. Raises: UsageError, ImportError, AttributeError."""
    if module.rpartition(".")[2].startswith("__"):
        raise UsageError(f"'{module}:{name}' is no part")
    cls = getattr(importlib.import_module(module), name)
    if not is_frozen(cls, module) or not (module in MODEL or is_part(cls)):
        raise UsageError(f"'{module}:{name}' is no part, and is not made: a damaged file, or one not to be trusted")
    return cls  # type: ignore[no-any-return]


def loaded(module: str, name: str) -> type | None:
    """A frozen dataclass of a module, if the user has loaded that. Raises: UsageError, AttributeError."""
    if module not in sys.modules:
        return None
    cls: Any = sys.modules[module]
    for each in name.split("."):
        if each == "<locals>":
            return None
        cls = getattr(cls, each)
    if not is_frozen(cls, module):
        raise UsageError(f"'{module}:{name}' is no part: parts are frozen dataclasses")
    return cls  # type: ignore[no-any-return]


def is_frozen(cls: Any, module: str) -> bool:
    """True for a frozen dataclass that this module defines."""
    frozen = dataclasses.is_dataclass(cls) and isinstance(cls, type) and cls.__module__ == module
    return frozen and bool(getattr(cls, "__dataclass_params__").frozen)  # noqa: B009 - mypy does not know it


def is_part(cls: type) -> bool:
    """True if a class has the methods of one of the protocols of parts."""
    return any(all(callable(getattr(cls, name, None)) for name in names) for names in METHODS)


def trial_of(plan: Mapping[str, Any]) -> Trial:
    """A stored plan, decoded; parts of modules that are not loaded stay plain data.

    Raises: UsageError for a plan that is none; ImportError, AttributeError, TypeError if a part of ours is gone.
    """
    trial = decode(dict(plan), known)
    if not isinstance(trial, Trial):
        raise TypeError("it is no trial")
    for name, methods in ROLES.items():
        value = getattr(trial, name)
        for part in value if name == "monitors" and isinstance(value, tuple) else (value,):
            if not (part is None and name in ("fault", "trigger")) and not plays(part, methods):
                raise TypeError(f"its {name} is {part!r:.60}")
    if not isinstance(trial.detectors, Detectors):
        raise TypeError(f"its detectors are {trial.detectors!r:.60}")
    return trial


def plays(part: Any, methods: tuple[str, ...]) -> bool:
    """True if a part has the methods of its role; of one whose module is not loaded nobody knows."""
    return isinstance(part, ForeignPart) or all(callable(getattr(part, name, None)) for name in methods)
