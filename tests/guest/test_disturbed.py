"""Campaigns on a machine that is busy, suspended, or unsure of the time: each trial is as it is in peace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import psutil
import pytest

from faultkit.machine import qemu
from faultkit.machine.image import Image
from tests.guest.test_lifecycle import DONE, KILLS, experiment, faultkit, rows, started

pytestmark = [pytest.mark.guest, pytest.mark.usefixtures("signals_arrive")]
TRIALS = 6
BUSY = 4
SUSPENDED_S, RUNS_S = 0.4, 0.25
DAYS = 400
JUMPING = rf"""
/* CLOCK_REALTIME that jumps by {DAYS} days, back and forth, each time that somebody looks. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long jump(void)
{{
	static unsigned int looks;

	return ((long)(looks++ % 3) - 1) * {DAYS}L * 86400;
}}

int clock_gettime(clockid_t id, struct timespec *now)
{{
	int error = syscall(SYS_clock_gettime, id, now);

	if (!error && id == CLOCK_REALTIME)
		now->tv_sec += jump();
	return error;
}}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{{
	struct timespec found;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &found);
	now->tv_sec = found.tv_sec;
	now->tv_usec = found.tv_nsec / 1000;
	return 0;
}}

time_t time(time_t *now)
{{
	struct timespec found;

	clock_gettime(CLOCK_REALTIME, &found);
	if (now)
		*now = found.tv_sec;
	return found.tv_sec;
}}
"""


def arguments(folder: Path, out: str) -> tuple[Any, ...]:
    """A campaign of a few kills."""
    return ("run", experiment(folder, KILLS), "--trials", TRIALS, "--seed", 1, "--replay-sample", 0, "--out", out)


@pytest.fixture(scope="module")
def in_peace(image: Image, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The trials of a campaign that nothing disturbs."""
    del image
    folder = tmp_path_factory.mktemp("peace")
    done = faultkit(folder, *arguments(folder, "out"))
    assert done.returncode == DONE, done.stderr
    found = rows(folder / "out")
    assert [(row[2], row[-1]) for row in found] == [("RECOVERED", None)] * TRIALS
    return found


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Processes that do nothing, as fast as they can."""
    with ExitStack() as held:
        for _ in range(count):
            loop = held.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            held.callback(loop.kill)
        yield


@pytest.mark.alone
def test_four_busy_loops_change_nothing(in_peace: list[tuple[Any, ...]], tmp_path: Path) -> None:
    with busy_loops(BUSY):
        done = faultkit(tmp_path, *arguments(tmp_path, "out"))
    assert done.returncode == DONE, done.stderr
    assert rows(tmp_path / "out") == in_peace


def suspend(process: psutil.Process) -> None:
    """Let a process stand still for a moment."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(SIGSTOP)
        time.sleep(SUSPENDED_S)
        process.send_signal(SIGCONT)


@pytest.mark.parametrize("whom", ["harness", "guests"])
def test_suspending_the_harness_or_its_guests_changes_nothing(
    in_peace: list[tuple[Any, ...]], tmp_path: Path, whom: str
) -> None:
    process = started(tmp_path, *arguments(tmp_path, "out"))
    suspended = 0
    while process.poll() is None:
        harness = psutil.Process(process.pid)
        with suppress(psutil.NoSuchProcess):
            for each in [harness] if whom == "harness" else harness.children():
                suspend(each)
                suspended += 1
        time.sleep(RUNS_S)
    _, err = process.communicate()
    assert process.returncode == DONE, err
    assert suspended >= TRIALS
    assert rows(tmp_path / "out") == in_peace


@pytest.fixture
def jumping(tmp_path: Path) -> dict[str, str]:
    """The environment in which a harness, and its QEMUs, see a clock that jumps."""
    library, path = tmp_path / "jumping.so", tmp_path / "path"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", library]
    subprocess.run(command, input=JUMPING, text=True, check=True)
    path.mkdir()
    program = path / qemu.QEMU
    program.write_text(f'#!/bin/sh\nexec env LD_PRELOAD={library} {shutil.which(qemu.QEMU)} "$@"\n')
    program.chmod(0o755)
    return {"LD_PRELOAD": str(library), "PATH": f"{path}:{os.environ['PATH']}"}


def test_a_wall_clock_that_jumps_changes_nothing(
    in_peace: list[tuple[Any, ...]], tmp_path: Path, jumping: dict[str, str]
) -> None:
    look = [sys.executable, "-c", "import time; print([round(time.time()) for _ in range(3)])"]
    seen = eval(subprocess.run(look, env={**os.environ, **jumping}, capture_output=True, check=True).stdout)  # noqa: S307
    assert max(seen) - min(seen) > DAYS * 86400, "the clock does jump"
    done = faultkit(tmp_path, *arguments(tmp_path, "out"), **jumping)
    assert done.returncode == DONE, done.stderr
    assert rows(tmp_path / "out") == in_peace
