"""User-level tools work on u-drivers: a debugger may stop one."""

from __future__ import annotations

import errno
import importlib
from dataclasses import replace

import pytest

from faultkit import Detectors, Nothing, Trial
from faultkit.machine.image import Image
from faultkit.pytest_plugin.guests import PreparedGuest
from monitors.kernel import Kernel
from tests.guest.conftest import OURS, prepared
from tests.guest.steps import expelled, play

sliced_driver = importlib.import_module("sliced_driver")

pytestmark = pytest.mark.guest

GOLDEN = Trial(
    driver=sliced_driver.Sliced(),
    workload=sliced_driver.AskingSliced(),
    policy=Nothing(),
    monitors=(Kernel(),),
    detectors=Detectors(beat_s=1000.0),
    seed=1,
)
STOPPED = "stopped 4 sleep 300"
ON, OFF = "the u-driver has no deadlines", "off, there are deadlines again"


@pytest.fixture(scope="module")
def guest(image: Image) -> PreparedGuest:
    """A sliced k-driver, and its u-driver."""
    return prepared(image, GOLDEN, OURS)


@pytest.fixture
def sliced(guest: PreparedGuest) -> PreparedGuest:
    """The same; each test has trials of its own."""
    return replace(guest, trials=[])


# ---- the debug mode ----


def test_a_udriver_that_is_stopped_is_expelled(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, STOPPED)
    assert done[0][1] == errno.ETIMEDOUT and len(expelled(ran)) == 1
    assert ON not in ran.record.console


def test_in_the_debug_mode_a_udriver_may_be_stopped_within_an_upcall(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "patient", STOPPED, "ask plain 1")
    assert [(error, said) for _, error, said in done[1:]] == [(0, "value=300"), (0, "value=2")]
    assert not expelled(ran)
    assert ran.record.console.count(f"microdriver: sliced: debug mode: {ON}") == 1


def test_behind_the_debug_mode_there_are_deadlines_again(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "patient", "impatient", STOPPED)
    assert done[-1][1] == errno.ETIMEDOUT and len(expelled(ran)) == 1
    assert ran.record.console.index(OFF) > ran.record.console.index(ON)
