"""Optional abilities of parts: protocols that are told by more than the names of their members.

A part may have a field that happens to be called like a method of a protocol (`files: int`). It has the ability only if
its member is of the protocol's kind: a method that takes the same arguments, or a value of the same type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType, NoneType, UnionType
from typing import Any, ClassVar, Literal, Protocol, Union, get_args, get_origin, get_type_hints


# The metaclass of protocols has no public name.
class AbilityMeta(type(Protocol)):  # type: ignore[misc]
    """Lets `isinstance` look at the members that a protocol of this kind has."""

    def __instancecheck__(cls, instance: Any) -> bool:
        """Say if all members are there and of the protocol's kind."""
        if not super().__instancecheck__(instance):
            return False
        return not getattr(cls, "_is_protocol", False) or all(
            fits(getattr(instance, name), wanted) for name, wanted in members(cls).items()
        )


class Ability(Protocol, metaclass=AbilityMeta):
    """The base of optional abilities: `@runtime_checkable class Mine(Ability, Protocol)`."""


@cache
def members(ability: type) -> Mapping[str, Any]:
    """The members of a protocol by name: a method as its function, a value as its type."""
    return dict(listed(ability))


def listed(ability: type) -> Iterator[tuple[str, Any]]:
    """The same, one by one."""
    hints = get_type_hints(ability)
    for name in inspect.get_annotations(ability):
        yield name, hints[name]
    for name, member in ability.__dict__.items():
        if isinstance(member, property):
            yield name, get_type_hints(member.fget).get("return", Any)
        elif isinstance(member, FunctionType) and not name.startswith("_"):
            yield name, member


def fits(value: Any, wanted: Any) -> bool:
    """Say if a part's member is of the kind that a protocol wants."""
    if isinstance(wanted, FunctionType):
        count = wanted.__code__.co_argcount - 1
        bound = getattr(value, "__self__", None) is not None
        return callable(value) and takes(getattr(value, "__func__", value), count + bound)
    return is_value(value, wanted)


@cache
def takes(function: Callable[..., Any], count: int) -> bool:
    """Say if a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # it is written in C, and has none
        return True
    return True


def is_value(value: Any, hint: Any) -> bool:
    """Say if a value is of a type, as far as the type can be told: of a tuple the elements are not looked at."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(is_value(value, each) for each in get_args(hint))
    if origin is ClassVar:
        return is_value(value, get_args(hint)[0])
    if origin is Literal:
        return value in get_args(hint)
    kind = origin or (NoneType if hint is None else hint)
    if isinstance(kind, type) and not getattr(kind, "_is_protocol", False) and kind is not Any:
        return isinstance(value, kind)
    return not inspect.isroutine(value)
