"""A part has an ability if its members are of the protocol's kind, not merely called so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from faultkit.machine.payload import build_payload
from faultkit.model import parts
from faultkit.model.abilities import Ability, is_value, members
from faultkit.model.code import Entry, Site
from faultkit.model.parts import (
    Compound,
    HostSide,
    InFunction,
    Installs,
    NeedsProcessor,
    NeedsState,
    Placeable,
    Ships,
    Sited,
    Split,
    Thaws,
    Typed,
)
from faultkit.running.experiment import kind_of
from faultkit.verdict.strata import stratum
from injectors.udriver.memory import Memory
from tests.guest.stand_ins import stand_ins
from tests.records import Kill

ABILITIES = [each for each in vars(parts).values() if isinstance(each, type) and Ability in each.__bases__]


@dataclass(frozen=True, slots=True)
class Shipping:
    """A part that ships a file."""

    def files(self) -> Mapping[str, Path]:
        return {}


@dataclass(frozen=True, slots=True)
class Counting(Kill):
    """A fault whose fields are called like the members of protocols."""

    files: int = 3
    install: float = 0.5
    place: str = "here"
    site: int = 4
    function: int = 9
    faults: int = 2
    thaw: bool = True
    needs: int = 1
    fault_type: int = 7
    on_host: tuple[int, ...] = ()


def test_there_are_abilities() -> None:
    assert len(ABILITIES) > 15 and {Ships, Split, NeedsProcessor} <= set(ABILITIES)


@pytest.mark.parametrize(
    "ability", [Ships, Installs, Placeable, Sited, InFunction, Compound, Thaws, NeedsProcessor, Typed, HostSide]
)
def test_a_field_that_is_called_like_a_member_gives_no_ability(ability: type) -> None:
    assert not isinstance(Counting(), ability)


def test_a_part_with_such_fields_is_carried_like_any_other() -> None:
    assert kind_of(Counting()).endswith(":counting")
    assert stratum(Counting()).fault_type == "counting" and not stratum(Counting()).function
    assert build_payload({}, [Counting()], "6.12")


def test_a_method_that_takes_other_arguments_gives_no_ability() -> None:
    @dataclass(frozen=True)
    class Other:
        def files(self, folder: str) -> None: ...
        def place(self) -> None: ...
        def install(self, bench: Any, *, how: str = "") -> None: ...

    assert not isinstance(Other(), Ships) and not isinstance(Other(), Placeable)
    assert isinstance(Other(), Installs), "what has a default need not be given"


def test_a_member_of_the_right_kind_gives_the_ability() -> None:
    site = Site(function="f", offset=1, old="90", address=1, before="nop")
    kinds: dict[type, Any] = {
        Ships: Shipping(),
        Sited: make_dataclass("A", [("site", Site)])(site),
        InFunction: make_dataclass("B", [("function", str)])("f"),
        Compound: make_dataclass("C", ["faults"], namespace={"made_of": lambda self, _faults: self})((Kill(),)),
        NeedsProcessor: type("D", (), {"needs": "x86_64"})(),
        NeedsState: type("E", (), {"needs_state": True})(),
    }
    for ability, part in kinds.items():
        assert isinstance(part, ability), ability
        assert not isinstance(Kill(), ability)
    assert isinstance(make_dataclass("F", ["site"])(None), Sited)
    assert isinstance(make_dataclass("G", ["site"])(Entry(address=1, room=1)), Sited)


def test_callables_count_as_methods() -> None:
    files: Any = field(default_factory=lambda: dict)
    assert isinstance(make_dataclass("H", [("files", Any, files)])(), Ships)


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        ("1", int, False),
        (None, None, True),
        (None, str | None, True),
        (1, str | None, False),
        ((1,), tuple[int, ...], True),
        ([1], tuple[int, ...], False),
        ("a", ClassVar[str], True),
        (print, Any, False),
        (object(), Any, True),
    ],
)
def test_types_of_values(value: Any, hint: Any, expected: bool) -> None:
    assert is_value(value, hint) is expected


def test_our_own_parts_have_what_they_name() -> None:
    """But for a method of one of them, which is called like a place in the k-driver's code."""
    found = [
        (part, ability)
        for part in stand_ins("drivers", "injectors", "policies", "triggers", "monitors")
        for ability in ABILITIES
        if all(hasattr(part, name) for name in members(ability))
    ]
    assert len(found) > 40
    other = [(type(part), ability) for part, ability in found if not isinstance(part, ability)]
    assert other == [(Memory, Sited)]
