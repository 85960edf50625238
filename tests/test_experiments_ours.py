"""Our own experiments: their lists are deterministic, storable, and what their docstrings promise."""

from __future__ import annotations

import hashlib
from functools import cache

import pytest

from faultkit.model.codec import dumps, loads
from faultkit.model.known import known
from faultkit.model.parts import Split
from faultkit.model.trial import Trial
from faultkit.running import catalogue
from faultkit.running.experiment import listed, load_experiment, plan

NAMES = [item.name for item in catalogue.items("experiments")]
each_of_ours = pytest.mark.parametrize("name", NAMES)


@cache
def trials(name: str, seed: int) -> tuple[Trial, ...]:
    """An experiment's list."""
    return tuple(listed(load_experiment(name), seed, None))


@cache
def lines(name: str, seed: int) -> tuple[str, ...]:
    """An experiment's trials as they are stored."""
    return tuple(map(dumps, trials(name, seed)))


def test_there_are_some() -> None:
    assert {"quickstart_nbd", "quickstart_rtl8139"} <= set(NAMES)


@each_of_ours
def test_two_calls_agree(name: str) -> None:
    again = tuple(listed(load_experiment(name), 7, None))
    assert trials(name, 7) == again
    assert (
        plan(load_experiment(name), 7, None).digest == hashlib.sha256("".join(lines(name, 7)).encode()).hexdigest()[:16]
    )


@each_of_ours
def test_another_seed_is_another_list_of_the_same_length(name: str) -> None:
    assert lines(name, 7) != lines(name, 8)
    assert len(lines(name, 7)) == len(lines(name, 8))


@each_of_ours
def test_every_trial_comes_back_from_storage(name: str) -> None:
    assert [loads(line, known) for line in lines(name, 7)] == list(trials(name, 7))


@each_of_ours
def test_it_asks_a_question_and_says_what_is_expected(name: str) -> None:
    question = load_experiment(name).question
    assert question.splitlines()[0].rstrip().endswith("?")
    assert "Expected:" in question


@each_of_ours
def test_golden_trials_come_first_and_no_trial_comes_twice(name: str) -> None:
    golden = [trial.fault is None for trial in trials(name, 7)]
    assert golden[0]
    assert golden == sorted(golden, reverse=True)
    assert len(set(lines(name, 7))) == len(golden)


@each_of_ours
def test_a_policy_acts_on_what_the_driver_has(name: str) -> None:
    for trial in trials(name, 7):
        wants_udriver = type(trial.policy).__name__ in ("RestartUDriver", "RestartBoth")
        assert isinstance(trial.driver, Split) or not wants_udriver
