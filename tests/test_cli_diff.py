"""`faultkit diff`: two trials as one time line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import faultkit
from faultkit.cli import cli
from faultkit.model.errors import UsageError
from faultkit.store.store import Store
from tests.synthetic import campaign


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty made-up trials."""
    return campaign(tmp_path_factory.mktemp("diff") / "stored", 20)


def diff(*words: object, width: int = 120) -> Result:
    """The result of `faultkit diff WORDS`."""
    return CliRunner(env={"COLUMNS": str(width)}).invoke(cli, ["diff", *map(str, words)])


def test_a_trial_does_not_differ_from_itself(results: Path) -> None:
    found = json.loads(diff(f"{results}:3", f"{results}:3", "--all", "--json").stdout)
    assert (found["verdict"], found["only_first"], found["only_second"], found["moved"]) == ({}, [], [], [])
    with Store.open(results) as store:
        assert found["alike"] == len(store.events(3)) > 100
    assert "alike ..." in diff(results, 3, 3, "--all").stdout


def test_every_event_of_both_trials_is_accounted_for(results: Path) -> None:
    found = json.loads(diff(results, 3, 4, "--all", "--json").stdout)
    both = len(found["moved"]) + found["alike"]
    with Store.open(results) as store:
        assert both + len(found["only_first"]) == len(store.events(3))
        assert both + len(found["only_second"]) == len(store.events(4))


def test_outcome_and_intervals_that_differ_stand_above(results: Path) -> None:
    with Store.open(results) as store:
        (one, one_ns), (two, two_ns) = store.select(
            "SELECT outcome, outage_ns FROM trials WHERE n IN (3, 4) ORDER BY n"
        )
    assert one != two
    verdict = json.loads(diff(results, 3, 4, "--json").stdout)["verdict"]
    assert (verdict["outcome"], verdict["outage_ns"]) == ([one, two], [one_ns, two_ns])
    first, second, *lines = diff(results, 3, 4).stdout.splitlines()
    assert first.startswith("- trial 3: ") and first.endswith(one)
    assert second.startswith("+ trial 4: ") and second.endswith(two)
    assert any(line.split() == ["outcome", one, two] for line in lines)
    assert "calls and requests left out: --all compares them" in lines[-1]


def test_nothing_is_wider_than_the_terminal(results: Path) -> None:
    assert max(map(len, diff(results, 3, 4, width=80).stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["stored"], "'stored' names no two trials: give RESULT 3 17"),
        (["stored", "3", "many"], "'stored 3 many' names no two trials"),
        (["stored", "3"], "'stored' names no trial: give RESULT:NUMBER"),
        (["stored:3", ":4"], "':4' names no trial"),
        (["no/where:3", "no/where:4"], "holds no results"),
    ],
)
def test_what_names_no_trials_is_a_usage_error(words: list[str], says: str) -> None:
    reason = diff(*words).exception
    assert isinstance(reason, UsageError) and says in str(reason)


def test_a_trial_that_is_not_there_is_a_usage_error(results: Path) -> None:
    reason = diff(results, 3, 99).exception
    assert isinstance(reason, UsageError) and "there is no trial 99" in str(reason)


def test_a_time_line_names_the_event_that_decided(results: Path) -> None:
    trials = faultkit.load(results).trials.set_index("trial")["reason"].dropna()
    assert len(trials) > 3
    for n, reason in trials.items():
        head = " ".join(str(faultkit.load(results).trial(n)).splitlines()[1:3])
        assert head.startswith(f"decided by {reason}")
