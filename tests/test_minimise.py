"""The fewest faults: the algorithm against functions, and on stored trials as far as no guest is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.machine.image import Image
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.running.judging import keep
from faultkit.running.minimise import Minimal, Search, SearchStep, Subset, cut, ddmin, minimal_json, minimise
from faultkit.store.store import Store
from tests.records import EVENTS_OF, Both, Hang, Kill, a_row
from tests.synthetic import meta

NO_IMAGE = Image(Path("nowhere"), "6.12", "key", (0, 0))
NEEDED = st.integers(1, 20).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1)))


@given(NEEDED)
def test_what_is_needed_together_is_found_exactly(case: tuple[int, set[int]]) -> None:
    count, needed = case
    assert ddmin(count, lambda part: needed <= set(part)) == tuple(sorted(needed))


@given(st.integers(2, 9), st.randoms(use_true_random=False))
def test_the_rest_is_1_minimal_whatever_the_faults_do_to_one_another(count: int, rng: object) -> None:
    answers: dict[Subset, bool] = {tuple(range(count)): True}

    def fails(part: Subset) -> bool:
        return answers.setdefault(part, rng.random() < 0.4)  # type: ignore[attr-defined, no-any-return]

    left = ddmin(count, fails)
    assert fails(left)
    if len(left) > 1:
        assert not any(fails(left[:i] + left[i + 1 :]) for i in range(len(left)))


def test_one_of_many_takes_about_the_logarithm_of_trials() -> None:
    attempts = Search(lambda part: Outcome.CRASHED if 37 in part else Outcome.MASKED, Outcome.CRASHED, lambda _: None)
    assert ddmin(64, attempts.fails) == (37,)
    assert len(attempts.steps) <= 2 * 6


def test_pieces_are_about_as_long_as_one_another() -> None:
    assert [len(piece) for piece in cut(tuple(range(8)), 3)] == [2, 3, 3]


def test_pieces_stay_small_once_a_rest_fails() -> None:
    needed = {1, 3, 5, 7, 11, 14}
    attempts = Search(lambda part: Outcome.LOST if needed <= set(part) else None, Outcome.LOST, lambda _: None)
    assert ddmin(16, attempts.fails) == tuple(sorted(needed))
    assert len(attempts.steps) < 80, "with halves again after each rest, it takes 142"


def test_no_trial_is_run_twice_and_each_is_told() -> None:
    told: list[SearchStep] = []
    attempts = Search(lambda part: Outcome.HUNG if {1, 4, 6} <= set(part) else None, Outcome.HUNG, told.append)
    assert ddmin(8, attempts.fails) == (1, 4, 6)
    assert told == attempts.steps and len({step.faults for step in told}) == len(told)


def test_another_failure_is_not_the_same_failure() -> None:
    ends = {(0, 1): Outcome.CRASHED, (0,): Outcome.HUNG, (1,): Outcome.CORRUPT}
    assert ddmin(2, Search(ends.__getitem__, Outcome.CRASHED, lambda _: None).fails) == (0, 1)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (a_row(0, *EVENTS_OF["LOST"], fault=Kill()), "has 1 fault only"),
        (a_row(0, *EVENTS_OF["LOST"], fault=Both((Kill(),))), "has 1 fault only"),
        (a_row(0, *EVENTS_OF["MASKED"], fault=Both((Kill(), Hang()))), "is MASKED: that is no failure"),
        (a_row(0, void="gone", fault=Both((Kill(), Hang()))), "is void"),
    ],
)
def test_what_cannot_be_minimised(tmp_path: Path, row: object, says: str) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, row)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=says):
            minimise(store, 0, NO_IMAGE, lambda _: None)


def test_scripts_get_all_steps() -> None:
    steps = (SearchStep((0, 1), Outcome.HUNG), SearchStep((0,), None), SearchStep((1,), Outcome.HUNG))
    found = Minimal(outcome=Outcome.HUNG, of=2, faults=(1,), plans=({"is": "m:K"},), steps=steps)
    assert minimal_json(found) == {
        "outcome": "HUNG",
        "of": 2,
        "faults": [1],
        "plans": [{"is": "m:K"}],
        "steps": [[[0, 1], "HUNG"], [[0], None], [[1], "HUNG"]],
    }
