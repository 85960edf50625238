"""Parts by name, as they are typed on a command line: `restart_udriver(limit=1)`, `kernel,requests`."""

from __future__ import annotations

import ast
from typing import Any

from faultkit.model.errors import UsageError
from faultkit.running import catalogue


def named(kind: str, text: str) -> Any:
    """One of our parts of a kind ("policies", "drivers", ...): its short name, with fields in parentheses if need be.

    Raises: UsageError, with what was typed and what there is.
    """
    [part] = several(kind, text, exactly=1)
    return part


def several(kind: str, text: str, exactly: int | None = None) -> tuple[Any, ...]:
    """Parts of a kind, separated by commas. Raises: UsageError."""
    try:
        found = ast.parse(f"({text},)" if text.strip() else "()", mode="eval").body
    except SyntaxError:
        raise wrong(kind, text) from None
    if not isinstance(found, ast.Tuple) or (exactly is not None and len(found.elts) != exactly):
        raise wrong(kind, text)
    return tuple(made(kind, text, node) for node in found.elts)


def made(kind: str, text: str, node: ast.expr) -> Any:
    """The part that a name, or a call of one, stands for. Raises: UsageError."""
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name) or call.args:
        raise wrong(kind, text)
    cls = {catalogue.name_of_class(each): each for each in catalogue.classes(kind)}.get(call.func.id)
    if cls is None:
        raise wrong(kind, text)
    try:
        return cls(**{str(field.arg): ast.literal_eval(field.value) for field in call.keywords})
    except (TypeError, ValueError) as reason:
        raise UsageError(f"{text!r}: {reason}") from None


def wrong(kind: str, text: str) -> UsageError:
    """What was typed is no part of ours."""
    names = ", ".join(item.name for item in catalogue.items(kind))
    example = next(item.name for item in catalogue.items(kind))
    return UsageError(f"{text!r} names none of our {kind} ({names}): write {example}, or {example}(field=value)")
