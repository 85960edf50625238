"""C as it is written: functions, statements and their surroundings, by tree-sitter.

Macros are not expanded, because programmers make mistakes in the unexpanded source. Text that the parser does not know
(loops that are macros, types as arguments) is marked, and no statement with such a mark in it is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser

ANNOTATIONS = re.compile(
    rb"\b(?:__user|__iomem|__rcu|__percpu|__force|__init|__exit|__always_inline|__must_check|__maybe_unused|__used"
    rb"|asmlinkage|noinline)\b"
)
"""Words of the kernel's that say something of a type or function, and mean nothing to a parser of C."""
BLOCKS = ("compound_statement", "case_statement")
LOOPS = ("for_statement", "while_statement", "do_statement")
BRANCHES = ("if_statement", *LOOPS)


@dataclass(frozen=True, slots=True)
class SourceFunction:
    """A function's definition; `locals` are its parameters and the variables in its frame, with their types."""

    name: str
    body: Node
    locals: Mapping[str, str]


def functions(source: bytes) -> Iterator[SourceFunction]:
    """The functions that a file defines, in order."""
    plain = ANNOTATIONS.sub(lambda word: b" " * len(word[0]), source)
    tree = parser().parse(plain)
    for node in descendants(tree.root_node):
        if node.type == "function_definition":
            declarator, body = node.child_by_field_name("declarator"), node.child_by_field_name("body")
            if declarator is not None and body is not None and (name := named(declarator)):
                yield SourceFunction(name, body, dict(variables(node)))


@lru_cache(maxsize=1)
def parser() -> Parser:
    """A parser of C."""
    return Parser(Language(tree_sitter_c.language()))


def descendants(node: Node) -> Iterator[Node]:
    """All nodes below one, and itself, in the order of the text."""
    yield node
    for child in node.children:
        yield from descendants(child)


def text(node: Node) -> str:
    """The source text of a node."""
    return (node.text or b"").decode()


def named(declarator: Node) -> str:
    """The name that a declarator declares; "" if it is not plain."""
    inner: Node | None = declarator
    while inner is not None and inner.type != "identifier":
        inner = inner.child_by_field_name("declarator")
    return text(inner) if inner is not None else ""


def variables(definition: Node) -> Iterator[tuple[str, str]]:
    """A function's parameters and local variables that are not static: name, type."""
    for node in descendants(definition):
        if node.type in ("declaration", "parameter_declaration") and not is_static(node):
            base = node.child_by_field_name("type")
            for declarator in node.children_by_field_name("declarator"):
                plain = (
                    declarator.child_by_field_name("declarator") if declarator.type == "init_declarator" else declarator
                )
                if base is not None and plain is not None and (name := named(plain)) and not is_function(plain):
                    yield name, text(base) + text(plain).replace(name, "", 1)


def is_static(declaration: Node) -> bool:
    """True if the declared variable does not lie in a frame."""
    return any(child.type == "storage_class_specifier" for child in declaration.children)


def is_function(declarator: Node) -> bool:
    """True for the declarator of a function itself."""
    return any(node.type == "function_declarator" for node in descendants(declarator))


def statements(function: SourceFunction, *kinds: str) -> Iterator[Node]:
    """A function's statements of some kinds that the parser has understood."""
    for node in descendants(function.body):
        if node.type in kinds and not node.has_error:
            yield node


def statement_of(node: Node) -> Node:
    """The statement that an expression belongs to, or its declaration."""
    while not is_statement(node) and node.parent is not None:
        node = node.parent
    return node


def is_statement(node: Node) -> bool:
    """True for a node that is a statement by itself."""
    if node.type == "declaration":
        return node.parent is not None and node.parent.type in BLOCKS
    return node.type.endswith("_statement") and node.type not in ("case_statement", "labeled_statement")


def siblings(statement: Node) -> list[Node]:
    """The statements of its block, itself among them; none if it is the body of an if or a loop without braces."""
    block = statement.parent
    if block is None or block.type not in BLOCKS:
        return []
    return [child for child in block.named_children if is_statement(child) or child.type == "labeled_statement"]


def is_alone(statement: Node) -> bool:
    """True if its block would be empty without the statement."""
    return len([each for each in siblings(statement) if each.type not in ("declaration", "break_statement")]) < 2


def is_small(body: Node, most: int = 5) -> bool:
    """True for a body of few statements without a loop or a label."""
    inner = [node for node in descendants(body) if node.type.endswith("_statement") or node.type == "declaration"]
    if any(node.type in (*LOOPS, "labeled_statement", "case_statement") for node in inner):
        return False
    return sum(node.type != "compound_statement" for node in inner) <= most
