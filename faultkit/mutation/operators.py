"""G-SWFIT's fault operators on C source: each finds the places in a function where such a mistake could have been made.

Duraes, Madeira: Emulation of Software Faults: A Field Data Study and a Practical Approach. IEEE TSE 32 (11), 2006.
The paper searches machine code for the traces of these constructs; here the constructs themselves are
found. The operators' constraints are theirs: a statement that is left out is not the only one of its block; an if that
is left out has at most five statements, no loops, and no else; variables are local.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from faultkit.mutation.syntax import (
    BRANCHES,
    SourceFunction,
    descendants,
    is_alone,
    is_small,
    siblings,
    statement_of,
    statements,
    text,
)

OTHER_LIMIT = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OTHER_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*"}
OPPOSITE = {"true": "false", "false": "true"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A stretch of source text, from `first` to `last`, and its replacement."""

    first: Node
    last: Node
    new: str


def instead(node: Node, new: str) -> Draft:
    """A draft that replaces a node."""
    return Draft(node, node, new)


def missing_call(function: SourceFunction) -> Iterator[Draft]:
    """A call whose value nobody uses is left out."""
    for statement in statements(function, "expression_statement"):
        if expression(statement).type == "call_expression" and not is_alone(statement):
            yield instead(statement, ";")


def missing_if_and_statements(function: SourceFunction) -> Iterator[Draft]:
    """An if is left out with its body."""
    for statement, _ in small_ifs(function):
        if not is_alone(statement):
            yield instead(statement, ";")


def missing_if_around_statements(function: SourceFunction) -> Iterator[Draft]:
    """An if is left out, and its body is always executed."""
    for statement, body in small_ifs(function):
        yield instead(statement, text(body))


def missing_if_before_else(function: SourceFunction) -> Iterator[Draft]:
    """An if with an else is missing, except for the statements after the else."""
    for statement in statements(function, "if_statement"):
        body, other = (statement.child_by_field_name(part) for part in ("consequence", "alternative"))
        if body is None or other is None or in_else(statement) or not is_small(body):
            continue
        rest = other.named_children[-1]
        if rest.type != "if_statement":
            yield instead(statement, text(rest))


def missing_and(function: SourceFunction) -> Iterator[Draft]:
    """One of the conditions that are joined by && is left out of a branch."""
    yield from missing_clause(function, "&&")


def missing_or(function: SourceFunction) -> Iterator[Draft]:
    """One of the conditions that are joined by || is left out of a branch."""
    yield from missing_clause(function, "||")


def missing_clause(function: SourceFunction, operator: str) -> Iterator[Draft]:
    """Either side of such an expression is left out."""
    for node in binaries_in_conditions(function):
        if operator_of(node) == operator:
            yield from (instead(node, text(side)) for side in sides(node))


def missing_initialisation(function: SourceFunction) -> Iterator[Draft]:
    """The initialisation of a local variable in its declaration is left out."""
    for declaration in statements(function, "declaration"):
        for declarator in declaration.children_by_field_name("declarator"):
            if initialises(declarator, function) and statement_of(declarator) == declaration:
                name, value = sides(declarator)
                if is_value(value):
                    yield instead(declarator, text(name))


def missing_value_assignment(function: SourceFunction) -> Iterator[Draft]:
    """A local variable is not assigned a value, later than for the first time."""
    for statement, value in later_assignments(function):
        if is_value(value):
            yield instead(statement, ";")


def missing_expression_assignment(function: SourceFunction) -> Iterator[Draft]:
    """A local variable is not assigned a calculated value, later than for the first time."""
    for statement, value in later_assignments(function):
        if not is_value(value) and not any(node.type == "call_expression" for node in descendants(value)):
            yield instead(statement, ";")


def missing_part(function: SourceFunction) -> Iterator[Draft]:
    """Two calls or assignments that follow one another are left out."""
    for statement in statements(function, "expression_statement"):
        block = siblings(statement)
        following = block[block.index(statement) + 1 :][:1] if statement in block else []
        if following and following[0].type == "expression_statement" and not following[0].has_error and len(block) > 2:
            yield Draft(statement, following[0], ";")


def wrong_value(function: SourceFunction) -> Iterator[Draft]:
    """A local variable is assigned another value: one more, or the other of true and false."""
    for node in descendants(function.body):
        if (initialises(node, function) or assigns(node, function)) and statement_of(node).type != "for_statement":
            value = sides(node)[1]
            if is_value(value) and text(value) != "NULL":
                yield instead(value, OPPOSITE.get(text(value), f"({text(value)} + 1)"))


def wrong_condition(function: SourceFunction) -> Iterator[Draft]:
    """A branch compares otherwise: < with <=, > with >=, == with !=."""
    for node in binaries_in_conditions(function):
        operator = node.child_by_field_name("operator")
        if operator is not None and text(operator) in OTHER_LIMIT:
            yield instead(operator, OTHER_LIMIT[text(operator)])


def wrong_arithmetic_in_call(function: SourceFunction) -> Iterator[Draft]:
    """An argument is calculated otherwise: + with -, * with /."""
    for argument in arguments(function):
        operator = argument.child_by_field_name("operator") if argument.type == "binary_expression" else None
        if operator is not None and text(operator) in OTHER_ARITHMETIC:
            yield instead(operator, OTHER_ARITHMETIC[text(operator)])


def wrong_variable_in_call(function: SourceFunction) -> Iterator[Draft]:
    """An argument is another local variable of the same type: the next to be declared."""
    for argument in arguments(function):
        name = text(argument)
        if argument.type == "identifier" and name in function.locals:
            alike = [other for other, kind in function.locals.items() if kind == function.locals[name]]
            if len(alike) > 1:
                yield instead(argument, alike[(alike.index(name) + 1) % len(alike)])


OPERATORS: Mapping[str, Callable[[SourceFunction], Iterator[Draft]]] = {
    "MFC": missing_call,
    "MIFS": missing_if_and_statements,
    "MIA": missing_if_around_statements,
    "MIEB": missing_if_before_else,
    "MLAC": missing_and,
    "MLOC": missing_or,
    "MVIV": missing_initialisation,
    "MVAV": missing_value_assignment,
    "MVAE": missing_expression_assignment,
    "MLPA": missing_part,
    "WVAV": wrong_value,
    "WLEC": wrong_condition,
    "WAEP": wrong_arithmetic_in_call,
    "WPFV": wrong_variable_in_call,
}


def expression(statement: Node) -> Node:
    """The expression of an expression statement."""
    return statement.named_children[0] if statement.named_children else statement


def small_ifs(function: SourceFunction) -> Iterator[tuple[Node, Node]]:
    """Small ifs that neither have nor follow an else, each with its body."""
    for statement in statements(function, "if_statement"):
        body = statement.child_by_field_name("consequence")
        alone = statement.child_by_field_name("alternative") is None and not in_else(statement)
        if body is not None and alone and is_small(body):
            yield statement, body


def in_else(statement: Node) -> bool:
    """True for the statement after an else."""
    return statement.parent is not None and statement.parent.type == "else_clause"


def binaries_in_conditions(function: SourceFunction) -> Iterator[Node]:
    """Expressions with two sides in the conditions of branches and loops."""
    for statement in statements(function, *BRANCHES):
        condition = statement.child_by_field_name("condition")
        for node in descendants(condition) if condition is not None else ():
            if node.type == "binary_expression":
                yield node


def operator_of(node: Node) -> str:
    """The operator of a node with two sides."""
    operator = node.child_by_field_name("operator")
    return text(operator) if operator is not None else ""


def sides(node: Node) -> tuple[Node, Node]:
    """The left and the right side of a node."""
    return node.named_children[0], node.named_children[-1]


def initialises(node: Node, function: SourceFunction) -> bool:
    """True for the declaration of a local variable of this function with a value."""
    return node.type == "init_declarator" and text(sides(node)[0]).lstrip("* ") in function.locals


def assigns(node: Node, function: SourceFunction) -> bool:
    """True for an assignment to a local variable of this function."""
    return node.type == "assignment_expression" and operator_of(node) == "=" and text(sides(node)[0]) in function.locals


def later_assignments(function: SourceFunction) -> Iterator[tuple[Node, Node]]:
    """Statements that only assign to a local variable that already has a value, each with the new value."""
    known, whole = set[str](), {s for s in statements(function, "expression_statement") if not is_alone(s)}
    for node in descendants(function.body):
        if initialises(node, function):
            known.add(text(sides(node)[0]).lstrip("* "))
        elif assigns(node, function):
            name, statement = text(sides(node)[0]), node.parent
            if name in known and statement is not None and statement in whole:
                yield statement, sides(node)[1]
            known.add(name)


def is_value(node: Node) -> bool:
    """True for a constant: a literal, a name in capitals, or one of these with a sign."""
    if node.type == "unary_expression":
        return is_value(node.named_children[-1])
    named = node.type == "identifier" and text(node).isupper()
    return named or node.type in ("number_literal", "char_literal", "true", "false", "null")


def arguments(function: SourceFunction) -> Iterator[Node]:
    """The arguments of all calls in a function."""
    for node in descendants(function.body):
        if node.type == "argument_list" and node.parent is not None and node.parent.type == "call_expression":
            yield from node.named_children
