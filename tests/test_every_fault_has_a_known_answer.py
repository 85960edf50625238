"""No fault without a guest test that puts it in and looks at what comes of it; of those with types, each type."""

from __future__ import annotations

import ast
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

from drivers.nbd.tampering import ACTIONS
from faultkit.running.catalogue import classes
from injectors.kdriver import call_argument, call_error, kernel_memory
from injectors.kdriver.mutant import Mutant
from injectors.tools import process_memory
from injectors.tools.candidates import TYPES
from injectors.udriver import fd_closed
from tests.guest.known_code_faults import CRASHES, TEXT
from tests.guest.stand_ins import stand_ins

GUEST = Path(__file__).parent / "guest"
GUEST_TESTS = [path for path in sorted(GUEST.glob("*.py")) if path.name != "conftest.py"]  # and parts made for them
INJECTORS = {cls.__name__ for cls in classes("injectors")}
WORDS: dict[str, Collection[str]] = {
    "Memory": process_memory.KINDS,
    "MemoryLimit": ("refuse",),  # "kill" is what it does unasked
    "FdClosed": fd_closed.KINDS,
    "Channel": ACTIONS,
    "CallError": call_error.ORDERS,
    "CallArgument": call_argument.ORDERS,
    "KernelMemory": (*kernel_memory.REGIONS, *kernel_memory.SIZES),
}
"""Injectors that do several things, and the words that say which."""


@cache
def called(path: Path) -> frozenset[str]:
    """The classes and functions that a file calls; or hands on, as `make` or to parametrize."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return frozenset(names | {node.attr for node in nodes if isinstance(node, ast.Attribute)})


@cache
def words(path: Path) -> frozenset[str]:
    """The strings in a file's tests."""
    return frozenset(n.value for n in ast.walk(ast.parse(path.read_text()))
                     if isinstance(n, ast.Constant) and isinstance(n.value, str))  # fmt: skip


def test_every_type_of_code_fault_has_a_known_answer() -> None:
    assert {known.type for known in TEXT} | set(CRASHES) == set(TYPES)


@pytest.mark.parametrize("injector", sorted(INJECTORS))
def test_every_injector_is_put_in_by_a_guest_test(injector: str) -> None:
    assert [path.name for path in GUEST_TESTS if injector in called(path)]


@pytest.mark.parametrize("injector", WORDS)
def test_each_of_the_things_that_an_injector_does_is_asked_for(injector: str) -> None:
    assert injector in INJECTORS
    asked = {word for path in GUEST_TESTS if injector in called(path) for word in words(path)}
    assert set(WORDS[injector]) <= asked


def test_every_injector_is_in_the_guests_but_those_that_bring_a_driver() -> None:
    """A new injector is enumerated, not listed."""
    assert classes("injectors") - {type(part) for part in stand_ins("injectors")} == {Mutant}
    assert {type(part) for part in stand_ins("policies", "triggers")} == classes("policies") | classes("triggers")
