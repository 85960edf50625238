"""Code of parts on the host: its time is counted while the process runs, and not while it is suspended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from signal import SIGCONT, SIGSTOP

import pytest

from faultkit.machine import bounded
from faultkit.machine.bounded import HOST_S, SLICE_S, HostTime
from faultkit.model.errors import Runaway

SUSPENDED_S = 3.0
WORKS = """
import time
from faultkit.machine.bounded import HostTime

def work():
    print("begun", flush=True)
    time.sleep(1.0)
    return "done"

start, host = time.monotonic(), HostTime(left_s=600.0)
host.run("part", work)
print(time.monotonic() - start, 600.0 - host.left_s)
"""


def test_time_is_counted() -> None:
    host = HostTime()
    assert host.run("part", lambda: time.sleep(0.7) or 5) == 5
    assert 0.6 <= HOST_S - host.left_s < 10, "what the sleep took, but for the last look's piece"


def test_code_that_does_not_end_is_left() -> None:
    host = HostTime(left_s=0.3)
    start = time.monotonic()
    with pytest.raises(Runaway, match="of part that runs on the host did not end"):
        host.run("part", lambda: [time.sleep(0.01) for _ in range(3000)])
    assert time.monotonic() - start < 20
    with pytest.raises(Runaway):
        host.run("part", lambda: time.sleep(0.5))


def test_a_suspended_process_uses_none_up() -> None:
    with subprocess.Popen([sys.executable, "-c", WORKS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        os.kill(process.pid, SIGSTOP)
        time.sleep(SUSPENDED_S)
        os.kill(process.pid, SIGCONT)
        took, used = map(float, process.stdout.read().split())
    assert 1.0 <= used <= took - (SUSPENDED_S - 2 * SLICE_S), "one piece, the longest, holds the suspension"


def test_a_clock_that_jumps_uses_little_up(monkeypatch: pytest.MonkeyPatch) -> None:
    real, jumps = time.monotonic, iter([0.0, *[1000.0] * 100_000])
    monkeypatch.setattr(bounded.time, "monotonic", lambda: real() + next(jumps))
    host = HostTime()
    host.run("part", lambda: time.sleep(0.2))
    assert host.left_s > HOST_S - 5
