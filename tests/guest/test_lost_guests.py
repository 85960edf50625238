"""A guest that somebody ends from outside says nothing of its driver."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from signal import SIGINT, SIGTERM, Signals

import psutil
import pytest

from faultkit.errors import GuestLost
from faultkit.trial import run_trial
from tests.guest.conftest import Bed

pytestmark = pytest.mark.guest
LONG_ENOUGH_S = 20


def a_qemu() -> psutil.Process:
    """The first QEMU that this process has started and that executes its guest by now."""
    deadline = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < deadline:
        for child in psutil.Process().children(recursive=True):
            if child.name().startswith("qemu") and child.cpu_times().user > 0.1:
                return child
    raise AssertionError("no guest has begun")


@pytest.mark.parametrize("signal", [SIGINT, SIGTERM])
def test_a_guest_that_was_told_to_end_is_no_crash(nbd: Bed, signal: Signals) -> None:
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(run_trial, nbd.template, nbd.trial())
        a_qemu().send_signal(signal)
        with pytest.raises(GuestLost, match="host-signal"):
            ending.result()


def test_what_a_terminal_sends_does_not_reach_the_guest(nbd: Bed) -> None:
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(run_trial, nbd.template, nbd.trial())
        assert os.getsid(a_qemu().pid) != os.getsid(0)
        ending.result()
