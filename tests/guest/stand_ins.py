"""One part of each of our injectors, triggers and policies, by the catalogue: every guest of the tests has them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from faultkit.model.parts import Fault
from faultkit.running.catalogue import classes
from injectors.udriver.kill import Kill

OF_TYPE: dict[Any, Any] = {str: "f", int: 1, float: 1.0, bool: False, Fault: Kill()}


def value_for(kind: Any) -> Any:
    """Any value of a type. Raises: KeyError for a type without a stand-in."""
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is tuple:
        return (value_for(get_args(kind)[0]),)
    if isinstance(kind, UnionType):
        return value_for(get_args(kind)[0])
    return OF_TYPE[kind]


def stand_in(cls: type) -> Any:
    """A part of this class, its required fields filled. Raises: KeyError for a field without a stand-in."""
    hints, required = get_type_hints(cls), {}
    for field in dataclasses.fields(cls):
        if field.default is field.default_factory is dataclasses.MISSING:
            required[field.name] = value_for(hints[field.name])
    return cls(**required)


def stand_ins(*kinds: str) -> Iterator[Any]:
    """A part of each class of these kinds; those that need a driver's source are brought by their own tests."""
    for cls in sorted((cls for kind in kinds for cls in classes(kind)), key=lambda cls: (cls.__module__, cls.__name__)):
        try:
            yield stand_in(cls)
        except KeyError:
            continue
