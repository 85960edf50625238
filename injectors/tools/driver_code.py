"""The module of a driver that faults go into, and its functions by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from faultkit.kit import Function, ModuleCode, NotPlaced

LIKE = 0.7  # of difflib's ratio: below, two names have little in common


def module_of(code: Mapping[str, ModuleCode]) -> ModuleCode:
    """The module that faults go into: the driver's first."""
    return next(iter(code.values()))


def function_of(module: ModuleCode, name: str, sections: Collection[str] = ()) -> Function:
    """A function of a module, in one of these sections or in any. Raises: NotPlaced with the nearest names."""
    own = {f.name: f for f in module.functions if not sections or f.section in sections}
    if name not in own:
        raise NotPlaced(f"{module.name} has no function {name!r}: it may be a macro, or inlined{nearest(name, own)}")
    return own[name]


def nearest(name: str, names: Iterable[str]) -> str:
    """The names that are like one that is missing, as the end of a sentence; "" if there are none."""
    known = sorted(names)
    like = [each for each in known if name in each] if len(name) > 2 else []
    found = [*dict.fromkeys([*sorted(like, key=len), *get_close_matches(name, known, 3, LIKE)])][:3]
    return f"; near to it are {', '.join(found)}" if found else ""
