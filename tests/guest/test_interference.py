"""Trials at the same time are what they are alone, and a campaign says how well it can be repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit import AtRequest, RestartUDriver
from faultkit.campaign import row_of
from faultkit.codec import encode
from faultkit.image import Image
from faultkit.interference import interference
from faultkit.replay import replay
from faultkit.store import Store
from faultkit.summary import replays
from faultkit.trial import run_trial
from injectors.hang import Hang
from injectors.kill import Kill
from tests.guest.conftest import PARTS, Bed

pytestmark = pytest.mark.guest


@pytest.fixture
def store(nbd: Bed, image: Image, tmp_path: Path) -> Store:
    """A small campaign on a prepared guest, as `faultkit run` leaves it."""
    recipe = {"first": encode(nbd.golden), "parts": [encode(part) for part in PARTS]}
    machine = {"accel": "tcg", "shift": 3}
    facts = {"image": image.key, "kernel": image.kernel, **machine, "templates": {nbd.template.key: recipe}}
    found = Store.create(tmp_path / "run", facts)
    for n, fault in enumerate((None, Kill(), Hang(), Kill())):
        trial = nbd.trial(fault=fault, trigger=fault and AtRequest(9 + n), policy=RestartUDriver(), seed=n)
        found.add(row_of(nbd.template, n, trial, 1, run_trial(nbd.template, trial)))
    return found


def test_trials_two_at_a_time_are_what_they_are_alone(store: Store, image: Image) -> None:
    with store:
        runs = list(interference(store, [0, 1, 2, 3], 2, image))
        assert [run.n for run in runs] == [0, 1, 2, 3]
        assert all(run.outcome_agrees for run in runs)
        assert sum(run.events_agree for run in runs) >= 3, [run.difference for run in runs]


def test_replays_are_kept_with_the_results(store: Store, image: Image) -> None:
    with store:
        runs = list(replay(store, [1, 2], 2, 1, image))
        assert [run.n for run in runs] == [1, 1, 2, 2]
        assert replays(store)["runs"] == 4 and replays(store)["outcome_agrees"] == 4
