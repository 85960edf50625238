"""Trials at the same time are what they are alone, and what is run again is kept."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from faultkit import AtRequest, RestartUDriver
from faultkit.machine.image import Image
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.results.compare import between
from faultkit.results.summary import replay_totals
from faultkit.running.campaign import run_relocated
from faultkit.running.interference import interference
from faultkit.running.judging import keep
from faultkit.running.replay import replay
from faultkit.running.rerun import Changes, experiment_of
from faultkit.store.store import Store
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from injectors.udriver.kill import Kill
from tests.guest.stored import stored

pytestmark = [pytest.mark.guest, pytest.mark.alone]


@pytest.fixture(scope="module")
def directory(nbd: PreparedGuest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A golden trial and three faults."""
    place = tmp_path_factory.mktemp("results") / "run"
    parts = [{"seed": 0}] + [
        {"fault": fault, "trigger": AtRequest(9 + n), "policy": RestartUDriver(), "seed": n}
        for n, fault in enumerate((Kill(), Text("nop", 5 << 60), CallError("sock_sendmsg", -errno.EPIPE)), start=1)
    ]
    with stored(nbd, place, parts) as store:
        return store.path


def test_trials_two_at_a_time_are_what_they_are_alone(directory: Path, image: Image) -> None:
    with Store.open(directory) as store:
        runs = list(interference(store, [0, 1, 2, 3], 2, image))
    assert [run.n for run in runs] == [0, 1, 2, 3]
    assert all(run.outcome_agrees for run in runs)
    assert sum(run.events_agree for run in runs) >= 3, [run.difference for run in runs]


def test_replays_are_kept_with_the_results(directory: Path, image: Image) -> None:
    with Store.open(directory, readonly=False) as store:
        runs = list(replay(store, [1, 2], 1, 1, image))
        assert [run.n for run in runs] == [1, 2]
        assert replay_totals(store)["runs"] == replay_totals(store)["outcome_agrees"] == 2


def test_a_rerun_without_changes_is_the_same_campaign(nbd: PreparedGuest, directory: Path, tmp_path: Path) -> None:
    with Store.open(directory) as store, Store.create(tmp_path / "again", {"experiment": "again"}) as again:
        for n, trial in enumerate(experiment_of(store, Changes()).trials(1)):
            keep(again, run_relocated(nbd.template, n, trial))
        found = between(store, again)
        assert found.paired and found.discordant == ()
        assert again.plan(2) == store.plan(2), "the site is the same"
        assert [again.events(n) for n in range(4)] == [store.events(n) for n in range(4)]
