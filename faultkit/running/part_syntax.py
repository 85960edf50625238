"""Our parts as they are typed on a command line: `restart_udriver(limit=1)`, `kernel,requests`."""

from __future__ import annotations

import ast
from typing import Any

from faultkit.model.errors import UsageError
from faultkit.running import catalogue


def parse_part(kind: str, text: str) -> Any:
    """The part of one kind ("policies", "drivers", ...) that a text names: a short name, with fields in parentheses.

    Raises: UsageError, with the text and the names that there are.
    """
    parts = parse_parts(kind, text)
    if len(parts) != 1:
        raise unknown(kind, text)
    return parts[0]


def parse_parts(kind: str, text: str) -> tuple[Any, ...]:
    """The parts of one kind that a text names, separated by commas. Raises: UsageError."""
    try:
        found = ast.parse(f"({text},)" if text.strip() else "()", mode="eval").body
    except SyntaxError:
        raise unknown(kind, text) from None
    if not isinstance(found, ast.Tuple):
        raise unknown(kind, text)
    return tuple(part_of(kind, text, node) for node in found.elts)


def part_of(kind: str, text: str, node: ast.expr) -> Any:
    """The part that a name, or a call of one, stands for. Raises: UsageError."""
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name) or call.args:
        raise unknown(kind, text)
    cls = {catalogue.name_of_class(each): each for each in catalogue.classes(kind)}.get(call.func.id)
    if cls is None:
        raise unknown(kind, text)
    try:
        return cls(**{str(field.arg): ast.literal_eval(field.value) for field in call.keywords})
    except (TypeError, ValueError) as reason:
        raise UsageError(f"{text!r}: {reason}") from None


def unknown(kind: str, text: str) -> UsageError:
    """The error for a text that names no part of ours."""
    names = [item.name for item in catalogue.items(kind)]
    example = names[0]
    return UsageError(
        f"{text!r} names none of our {kind} ({', '.join(names)}): write {example}, or {example}(field=value)"
    )
