"""The microdriver that docs/microdrivers.md tells users to copy."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from faultkit import Outcome
from faultkit.machine.image import Image
from faultkit.pytest_plugin.guests import Ran
from tests.guest.conftest import prepared
from tests.guest.expected import back

pytestmark = pytest.mark.guest
EXAMPLE = Path(__file__).parents[1] / "own_microdriver"


@pytest.fixture(scope="module")
def lives(image: Image) -> list[Ran]:
    """The trials of the microdriver's experiment, the golden one first."""
    sys.path.insert(0, str(EXAMPLE))  # as `faultkit run FILE` finds what lies beside an experiment
    experiment = importlib.import_module("outlives")
    golden, *others = experiment.trials(1)
    bed = prepared(image, golden, (*experiment.FAULTS, others[0].trigger, golden.policy))
    return [bed.run(fault=trial.fault, trigger=trial.trigger) for trial in (golden, *others)]


def test_nothing_happens_without_a_fault(lives: list[Ran]) -> None:
    assert lives[0].outcome is Outcome.MASKED and not lives[0].count("error.detected"), lives[0].story()


def test_it_counts_right_whatever_becomes_of_its_udriver(lives: list[Ran]) -> None:
    for ran in lives[1:]:
        assert ran.verdict.activated and not ran.verdict.warned, ran.story()
        assert ran.outcome is back(ran.record) and ran.count("check.passed") == 1, ran.story()
