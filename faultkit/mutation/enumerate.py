"""All mutations of a C file."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from faultkit.model.builds import Edit, Mutation
from faultkit.mutation.operators import OPERATORS, Draft
from faultkit.mutation.syntax import SourceFunction, functions, statement_of

WITNESS = "faultkit_reached();"  # the name stays: stored mutants call it, and are compiled again when they are replayed
DECLARED = "void faultkit_reached(void); "


def mutations(file: str, source: bytes) -> Iterator[Mutation]:
    """Every change that an operator can make, function by function. Pure."""
    for function in functions(source):
        for operator, find in OPERATORS.items():
            for draft in find(function):
                if not statement_of(draft.first).has_error:
                    yield mutation(operator, file, source, function, draft)


def mutation(operator: str, file: str, source: bytes, function: SourceFunction, draft: Draft) -> Mutation:
    """A draft as a change of the statement that it belongs to, with as many lines as before."""
    outer = statement_of(draft.first)
    start, end = outer.start_byte, max(outer.end_byte, draft.last.end_byte)
    old = source[start:end].decode()
    before = source[draft.first.start_byte : draft.last.end_byte].decode()
    new = source[start : draft.first.start_byte].decode() + draft.new + source[draft.last.end_byte : end].decode()
    new += "\n" * (old.count("\n") - new.count("\n"))
    change = Edit(file, start, old, new)
    return Mutation(
        operator=operator, file=file, function=function.name, line=line_of(draft.first), before=one_line(before),
        after=one_line(draft.new), change=change, edits=witnessed(change, outer),
    )  # fmt: skip


def witnessed(change: Edit, statement: Node) -> tuple[Edit, ...]:
    """The change with a call of the witness, which is declared in the first line. Braces would hide a variable."""
    told = f"{change.new} {WITNESS}" if statement.type == "declaration" else f"{{ {WITNESS} {change.new} }}"
    return (Edit(change.file, 0, "", DECLARED), Edit(change.file, change.offset, change.old, told))


def line_of(node: Node) -> int:
    """The line of an offset, counted from 1."""
    return int(node.start_point.row) + 1


def one_line(code: str) -> str:
    """A text without line breaks and indentation."""
    return " ".join(code.split())
