"""A guest that somebody ends from outside says nothing of its driver."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from signal import SIGABRT, SIGINT, SIGSEGV, SIGTERM, Signals

import psutil
import pytest

from drivers.nbd import VerifiedIO
from faultkit import AtRequest, Ending, Outcome
from faultkit.machine.qemu import Guest
from faultkit.model.errors import GuestLost, HarnessError
from faultkit.model.parts import Fault
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.trial import run_trial
from tests.guest.conftest import known_parts

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


def test_a_guests_qemu_has_no_rights_and_starts_no_program(nbd: PreparedGuest) -> None:
    """A guest that takes its QEMU over has gained little."""
    template = nbd.template
    with Guest(template.machine, template.files, fork_of=template.state) as guest:
        guest.load()
        lines = (line.split(":", 1) for line in Path(f"/proc/{guest.pid}/status").read_text().splitlines())
        status = {name: value.strip() for name, value in lines}
        environment = Path(f"/proc/{guest.pid}/environ").read_bytes().split(b"\0")
        with pytest.raises(HarnessError):
            guest.execute("migrate", uri="exec:true")
            guest.execute("query-status")
    rights = [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    assert rights == ["0" * 16] * 5
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert [line.partition(b"=")[0] for line in environment if line] == [b"PATH"]


def test_a_path_may_hold_commas_and_quotes(nbd: PreparedGuest, tmp_path: Path) -> None:
    odd = tmp_path / "it's, size=1,odd"
    odd.symlink_to(nbd.template.path)
    trial = nbd.trial(workload=VerifiedIO(requests=8))
    records = [run_trial(template, trial) for template in (nbd.template, replace(nbd.template, path=odd))]
    assert records[0].events == records[1].events


@pytest.mark.parametrize(
    ("fixture", "fault", "signal"),
    [
        ("nbd", known_parts.EndsTheAgent(wild=True), SIGSEGV),  # told by the kernel: its many probes take long to go
        ("nbd_client", known_parts.EndsTheAgent(wild=True), SIGSEGV),
        ("nbd_client", known_parts.EndsTheAgent(SIGABRT), SIGABRT),  # told by the shell alone
    ],
)
def test_the_workloads_death_is_no_crash_of_the_kernel(
    request: pytest.FixtureRequest, fixture: str, fault: Fault, signal: Signals
) -> None:
    bed: PreparedGuest = request.getfixturevalue(fixture)
    ran = bed.run(fault=fault, trigger=AtRequest(5))
    assert (ran.outcome, ran.record.ending) == (Outcome.CORRUPT, Ending.CLIENT_DIED), ran.story()
    assert ran.first("guest.client_died").data["signal"] == signal
    assert ran.count("request.completed") >= 1, "what was told before is kept"


@pytest.mark.parametrize("fixture", ["nbd", "nbd_client"])
def test_an_agent_that_ends_by_itself_tells_nothing(request: pytest.FixtureRequest, fixture: str) -> None:
    bed: PreparedGuest = request.getfixturevalue(fixture)
    with pytest.raises(HarnessError, match="the agent's process ended"):
        bed.run(fault=known_parts.EndsTheAgent(), trigger=AtRequest(5))
