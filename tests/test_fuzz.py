"""Fuzzers of events, kernel logs and stores, for some seconds each; `python -m tests.fuzz` runs them for hours."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import events, logs, stores
from tests.fuzz.mutation import changed, torn
from tests.fuzz.running import Target, draw_of, run_case, run_for

SECONDS = 6.0


@pytest.mark.parametrize("target", [events, logs, stores], ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_case_fails(target: Target) -> None:
    done: list[int] = []
    assert [failed.why for failed in run_for(target, 1, SECONDS, tell=done.append)] == []
    assert len(done) > 5, "it ran"


class Fragile:
    """A target that cannot bear what one case in ten is."""

    def a_case(self, draw: random.Random) -> bytes:
        return b"bad" if draw.random() < 0.1 else b"good"

    def check(self, case: bytes, draw: random.Random) -> None:
        assert case != b"bad"


def test_a_case_that_fails_is_told_and_comes_again_by_its_number() -> None:
    failures = list(run_for(Fragile(), 3, 0.2))
    assert failures and all(failed.case == b"bad" and "AssertionError" in failed.why for failed in failures)
    assert run_case(Fragile(), 3, failures[0].n) == failures[0]
    assert {failed.n for failed in failures} != {failed.n for failed in run_for(Fragile(), 4, 0.2)}


@pytest.mark.parametrize("target", [events, logs, stores], ids=lambda module: module.__name__.rpartition(".")[2])
def test_cases_of_one_seed_and_number_are_the_same_and_others_are_not(target: Target) -> None:
    once, again, other = (target.a_case(draw_of(1, n)) for n in (5, 5, 6))
    assert once == again != other


def test_changes_are_changes() -> None:
    whole = {"n": 1, "op": "read", "inner": [1, 2, {"x": "y"}]}
    found = [changed(whole, random.Random(n)) for n in range(50)]
    assert sum(each != whole for each in found) > 45
    assert whole == {"n": 1, "op": "read", "inner": [1, 2, {"x": "y"}]}, "the original stays"
    assert sum(torn(b"some bytes", random.Random(n)) != b"some bytes" for n in range(50)) > 45
