"""Stored values as people read them: an encoded part with its fields, and numbers of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faultkit.model.codec import short_name


def in_words(part: Any, name: Callable[[str], str] = short_name) -> str:
    """An encoded part with its fields: `text(function=cp_rx_poll, bit=3)`; `name` makes a class's name of its path."""
    if isinstance(part, Mapping):
        called = name(str(part["is"]))
        fields = ", ".join(f"{key}={in_words(value, name)}" for key, value in part.items() if key != "is")
        return f"{called}({fields})" if fields else called
    if isinstance(part, list):
        return f"({', '.join(in_words(each, name) for each in part)})"
    return str(exact(part))


def class_name(path: str) -> str:
    """The bare name of a class: `faultkit.statistics.sequential:Sprt` -> `Sprt`."""
    return path.rpartition(":")[2]


def exact(value: Any) -> Any:
    """The same value; an integer that JavaScript cannot hold (an address, say) as hexadecimal digits."""
    return hex(value) if isinstance(value, int) and abs(value) > 2**53 else value
