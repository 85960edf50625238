"""Several faults in one trial: each placed, none on top of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultkit.machine.payload import modules_of
from faultkit.model.code import Function, ModuleCode
from faultkit.model.codec import dumps, loads
from faultkit.model.errors import NotPlaced
from faultkit.model.known import known
from faultkit.model.parts import Ships, iter_parts
from injectors.kdriver.call_error import CallError
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from injectors.several import Several, extent_of, overlap
from injectors.udriver.kill import Kill

BASE = 0xFFFFFFFFC0000000
CODE = {"m": ModuleCode("m", (Function("f", BASE, bytes.fromhex("534889fb4885ff740231c05bc3")),))}
SITES = 7


@settings(deadline=None)  # the first decodes all of it
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=SITES))
def test_no_two_of_them_change_the_same_byte(draws: list[int]) -> None:
    placed = Several(tuple(Text("nop", draw) for draw in draws)).place(CODE)
    changed = [address for fault in placed.faults for address in extent_of(fault)]
    assert len(changed) == len(set(changed))
    assert len(placed.faults) == len(draws)


def test_a_fault_that_waits_finds_the_code_that_it_was_drawn_from() -> None:
    placed = Several((Text("nop", 5), Skip(5), Skip(5))).place(CODE)
    assert len({extent_of(fault) for fault in placed.faults}) == 3


def test_a_draw_that_is_free_is_kept_and_placing_is_pure() -> None:
    twice = Several((Text("nop", 5), Text("nop", 5)))
    placed = twice.place(CODE)
    assert placed.faults[0] == Text("nop", 5).place(CODE)
    assert placed.faults[1] != placed.faults[0]
    assert twice.place(CODE) == placed


def test_more_faults_than_sites_are_refused() -> None:
    with pytest.raises(NotPlaced, match="fault 7 finds no site apart"):
        Several(tuple(Text("nop", draw) for draw in range(SITES + 1))).place(CODE)


def test_two_changes_at_the_same_given_place_are_refused() -> None:
    with pytest.raises(NotPlaced, match="fault 1 finds no site apart"):
        Several((Text("write", function="f", offset=0, new="90"),) * 2).place(CODE)


@pytest.mark.parametrize(
    ("faults", "reason"), [((), "at least one fault"), ((Several((Kill(),)),), "cannot hold another Several")]
)
def test_what_makes_no_sense_is_refused(faults: tuple[Several, ...], reason: str) -> None:
    with pytest.raises(NotPlaced, match=reason):
        Several(faults).place(CODE)


def test_one_that_cannot_be_placed_spoils_all() -> None:
    with pytest.raises(NotPlaced, match="no function 'absent'"):
        Several((Kill(), Text("write", function="absent", new="90"))).place(CODE)


def test_its_type_is_that_of_its_faults_if_they_agree() -> None:
    assert Several((Text("nop", 1), Text("nop", 2))).fault_type == "text: nop"
    assert Several((Kill(), Kill())).fault_type == "kill"
    assert Several((Kill(), Text("nop", 2))).fault_type == "several"


def test_what_its_faults_need_travels_with_it() -> None:
    both = Several((Kill(), CallError("f", 0)))
    assert modules_of([both]) == {"injectors.several", "injectors.udriver.kill", "injectors.kdriver.call_error"}
    files = [part.files() for part in iter_parts(both) if isinstance(part, Ships)]
    assert [Path(name).name for each in files for name in each] == ["faultkit_calls.ko"]


def test_it_comes_back_from_storage() -> None:
    placed = Several((Kill(), replace(Text("nop", 3)))).place(CODE)
    assert loads(dumps(placed), known) == placed


@pytest.mark.parametrize(("other", "answer"), [(range(0, 5), False), (range(4, 6), True), (range(9, 20), True),
                                               (range(6, 7), True), (range(10, 11), False)])  # fmt: skip
def test_stretches_overlap_if_they_share_an_address(other: range, answer: bool) -> None:
    assert overlap(range(5, 10), other) is answer
    assert overlap(other, range(5, 10)) is answer
