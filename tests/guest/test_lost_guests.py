"""A guest that somebody ends from outside says nothing of its driver."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from signal import SIGINT, SIGTERM, Signals

import psutil
import pytest

from drivers.nbd import VerifiedIO
from faultkit.model.errors import GuestLost
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.trial import run_trial

pytestmark = pytest.mark.guest
LONG_ENOUGH_S = 20
LONG = VerifiedIO(requests=2000, deadline_s=60)  # seconds of work: the signal comes in the midst of it


def a_new_qemu(earlier: set[int]) -> psutil.Process:
    """The QEMU that this process has started since, once it executes its guest."""
    deadline = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < deadline:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                begun = child.name().startswith("qemu") and child.cpu_times().user > 0.1
                if begun and child.pid not in earlier:
                    return child
    raise AssertionError("no guest has begun")


def children() -> set[int]:
    """The running child processes of this process."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.mark.parametrize("signal", [SIGINT, SIGTERM])
def test_a_guest_that_was_told_to_end_is_no_crash(nbd: PreparedGuest, signal: Signals) -> None:
    earlier = children()
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(run_trial, nbd.template, nbd.trial(workload=LONG))
        a_new_qemu(earlier).send_signal(signal)
        with pytest.raises(GuestLost):
            ending.result()


def test_what_a_terminal_sends_does_not_reach_the_guest(nbd: PreparedGuest) -> None:
    earlier = children()
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(run_trial, nbd.template, nbd.trial(workload=LONG))
        assert os.getsid(a_new_qemu(earlier).pid) != os.getsid(0)
        ending.result()
