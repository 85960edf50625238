"""The soak's proof: it sees a trial that is lost, doubled or changed, and a process that was left behind."""

from __future__ import annotations

import random
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from signal import SIGKILL

import psutil
import pytest

from faultkit.store.database import FILE
from tests.hostile import sound
from tests.soak import campaign, harms, proof
from tests.soak.session import FaultkitRun, Listener, Places, living_children


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A store with a trial of every outcome."""
    return sound(tmp_path / "run")


def after(out: Path, sql: str) -> list[tuple[object, ...]]:
    """The rows of a copy in which something was done."""
    copy = Path(shutil.copytree(out, out.with_name("copy"), dirs_exist_ok=True))
    with closing(sqlite3.connect(copy / FILE)) as db:
        db.executescript(sql)
        db.commit()
    return proof.rows(copy)


CHANGES = {
    "DELETE FROM trials WHERE n = 3": "trial 3 is lost",
    "UPDATE trials SET outcome = 'MASKED' WHERE n = 3": "outcome 'MASKED' in place of",
    "UPDATE trials SET events = x'00' WHERE n = 3": "trial 3: events 1 in place of",
    "UPDATE trials SET events = (SELECT events FROM trials WHERE n = 4) WHERE n = 3": "trial 3: events Event(",
    "UPDATE trials SET void = 'killed' WHERE n = 3": "void 'killed' in place of None",
    "UPDATE trials SET n = 77 WHERE n = 3": "trial 77 was never planned",
}


@pytest.mark.parametrize("sql", CHANGES)
def test_a_trial_that_is_lost_or_changed_is_seen(out: Path, sql: str) -> None:
    undisturbed = proof.rows(out)
    assert proof.differences(after(out, "SELECT 1"), undisturbed) == []
    assert proof.valid(undisturbed) == len(undisturbed)
    assert proof.valid(after(out, "UPDATE trials SET void = 'killed' WHERE n = 3")) == len(undisturbed) - 1
    assert any(CHANGES[sql] in line for line in proof.differences(after(out, sql), undisturbed))


def test_a_trial_that_is_doubled_is_seen(out: Path) -> None:
    undisturbed = proof.rows(out)
    assert proof.differences([*undisturbed, undisturbed[2]], undisturbed) == ["trial 2 is stored 2 times"]


def test_a_stored_trial_may_get_its_verdict_and_a_void_one_a_run(out: Path) -> None:
    before = proof.rows(out)
    assert proof.changed(after(out, "UPDATE trials SET outcome = NULL WHERE n = 1"), before) == []
    assert proof.changed(after(out, "UPDATE trials SET void = 'killed', events = NULL WHERE n = 1"), before) == []
    assert "trial 1 is gone" in proof.changed(before, after(out, "DELETE FROM trials WHERE n = 1"))
    [line] = proof.changed(before, after(out, "UPDATE trials SET events = x'00' WHERE n = 1"))
    assert line.startswith("trial 1 has changed: events")


def test_there_are_no_rows_before_there_is_a_store(tmp_path: Path) -> None:
    assert proof.rows(tmp_path) == []


def test_a_process_that_lives_is_seen() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        assert any("time.sleep(60)" in line for line in living_children())
        process.kill()
    assert not any("time.sleep(60)" in line for line in living_children())


def test_a_campaign_is_drawn_from_its_seed() -> None:
    once, again, other = (list(campaign.trials(seed)) for seed in (1, 1, 2))
    assert once == again != other
    assert len(once) == 280 and sum(trial.fault is None for trial in once) == campaign.ROUNDS


SLEEPS = "import os, socket, time; pair = socket.socketpair(); print(pair[0].fileno(), flush=True); time.sleep(60)"


@pytest.fixture
def scene(tmp_path: Path) -> harms.Scene:
    """A process to be harmed, which holds a pair of sockets."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    places = Places(results=tmp_path, cache=tmp_path, temporary=tmp_path)
    readers = (Listener(process.stdout), Listener(process.stderr))
    while not readers[0].said:
        pass
    return harms.Scene(FaultkitRun(process, readers), places, random.Random(1))


def test_harms_do_what_they_say(scene: harms.Scene) -> None:
    pid = scene.run.process.pid
    held = harms.sockets_of(pid)
    assert len(held) == 2
    assert harms.cut_connection(scene) and harms.close_stream(scene)
    before = psutil.Process(pid).rlimit(resource.RLIMIT_NOFILE)
    assert harms.allow_few_files(scene) and psutil.Process(pid).rlimit(resource.RLIMIT_NOFILE) == before
    assert not harms.kill_qemu(scene), "it has none"
    assert harms.stop_harness(scene) and scene.run.running
    assert harms.kill_harness(scene) and scene.run.process.wait() < 0
    assert not harms.interrupt_harness(scene), "it is gone"


def test_a_connection_that_is_shut_down_has_an_end() -> None:
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(theirs.fileno(),))
    theirs.close()
    ours.settimeout(10)
    scene = harms.Scene(
        FaultkitRun(process, ()), Places(results=Path(), cache=Path(), temporary=Path()), random.Random(1)
    )  # type: ignore[arg-type]
    assert harms.cut_connection(scene)
    assert ours.recv(1) == b""
    process.send_signal(SIGKILL)
    process.wait()
    ours.close()
