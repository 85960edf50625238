"""Nothing is left behind, nothing is lost, and what goes wrong is said in one line."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtRequest, Nothing, Trial
from faultkit.machine.image import Image
from faultkit.machine.qemu import Guest, Machine
from faultkit.machine.template import Template, template
from faultkit.model.errors import GuestLost, HarnessError, UnmetNeed
from faultkit.running.trial import run_trial
from faultkit.store.store import FILE
from injectors.udriver.kill import Kill

pytestmark = [pytest.mark.guest, pytest.mark.usefixtures("signals_arrive")]
ROOT = Path(__file__).parents[2]
DONE, USAGE, HARNESS, INTERRUPTED = 0, 2, 5, 130
HEAD = '''
"""Is nothing lost?

Expected: nothing."""
from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtOnce, AtRequest, Nothing, RestartUDriver, Trial
from injectors.kdriver.call_error import CallError
from injectors.udriver.kill import Kill
from injectors.kdriver.text import Text
'''
KILLS = """
def trials(seed):
    common = dict(driver=Nbd(), workload=VerifiedIO(requests=24), policy=RestartUDriver())
    for n in range(60):
        yield Trial(**common, fault=Kill(), trigger=AtRequest(1 + n % 20), seed=seed + n)
"""


def experiment(folder: Path, body: str) -> Path:
    """A user's experiment. All of them need the same template, unless they bring parts of their own."""
    file = folder / "lifecycle.py"
    file.write_text(HEAD.strip() + "\n" + dedent(body))
    return file


def command(*arguments: object) -> list[str]:
    """The command line that faultkit is run by."""
    return [sys.executable, "-c", "from faultkit.cli import main; main()", *map(str, arguments)]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder for temporary files, as other tests run at the same time."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)  # so that it is asked for again
    return folder


def started(folder: Path, *arguments: object, **more: str) -> subprocess.Popen[str]:
    """faultkit, running in a session of its own; `more` goes into its environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.Popen(
        command(*arguments), cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def faultkit(folder: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """faultkit, run to its end."""
    process = started(folder, *arguments, **more)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def fails(done: subprocess.CompletedProcess[str], code: int, *says: str) -> None:
    """It ended with this code, and its last line, the only one that is no progress, says all this."""
    assert "Traceback" not in done.stderr
    bad = [line for line in done.stderr.splitlines() if line.startswith("faultkit:")]
    assert len(bad) == 1 and done.stderr.splitlines()[-1] == bad[0], done.stderr
    assert done.returncode == code, done.stderr
    for words in says:
        assert words in bad[0]


def of_session(session: int) -> list[str]:
    """The processes of a session, by name."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def gone_within(session: int, seconds: float) -> bool:
    """True if nothing of a session is left by then."""
    deadline = time.monotonic() + seconds
    while of_session(session):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def no_files_left() -> Iterator[None]:
    """Nothing new in the test's folder for temporary files, nor in other places where QEMU's users leave things."""
    own = Path(tempfile.gettempdir())
    places = [Path("/dev/shm"), Path("/run"), Path("/tmp")]
    names = ("faultkit", "qemu", "ram", "mailbox")
    before = {path for place in places for path in place.iterdir()}
    yield
    assert not list(own.iterdir())
    after = {path for place in places for path in place.iterdir()} - before
    assert not [path for path in after if any(name in path.name for name in names)]


def rows(out: Path) -> list[tuple[Any, ...]]:
    """The stored rows, by trial."""
    with closing(sqlite3.connect(f"file:{out / FILE}?mode=ro", uri=True)) as db:
        return list(db.execute("SELECT n, plan, outcome, events, console, void FROM trials ORDER BY n"))


def kept(earlier: list[tuple[Any, ...]], final: list[tuple[Any, ...]]) -> bool:
    """True if no stored row has changed; one may have been without its verdict."""
    present = {row[0]: row for row in final}
    unjudged = [row for row in earlier if row not in final]
    return len(unjudged) <= 1 and all(row == (*present[row[0]][:2], None, *row[3:]) for row in unjudged)


def wait_for_rows(out: Path, count: int, process: subprocess.Popen[Any]) -> None:
    """Until so many trials are stored."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if len(rows(out)) >= count:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)
    pytest.fail(f"never came to {count} trials: {process.stderr and process.stderr.read()}")


@pytest.fixture(scope="module")
def bare(image: Image) -> tuple[Template, Trial]:
    """A guest without monitors."""
    trial = Trial(driver=Nbd(), workload=VerifiedIO(), policy=Nothing(), seed=1, fault=Kill(), trigger=AtRequest(5))
    return template(trial, image, Machine(), [Kill(), AtRequest(1), Nothing()]), trial


@pytest.fixture(scope="module")
def prepared(image: Image, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The template of the experiments below is in the cache."""
    del image
    folder = tmp_path_factory.mktemp("prepared")
    assert (
        faultkit(folder, "run", experiment(folder, KILLS), "--trials", 1, "--seed", 1, "--out", "out").returncode
        == DONE
    )


def open_files() -> int:
    """How many descriptors this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_trial_leaves_no_process_no_file_and_no_descriptor(bare: tuple[Template, Trial]) -> None:
    run_trial(*bare)
    before = open_files()
    with no_files_left():
        for _ in range(3):
            run_trial(*bare)
    assert not psutil.Process().children(recursive=True)
    assert open_files() == before


def test_an_exception_in_the_middle_leaves_nothing(bare: tuple[Template, Trial]) -> None:
    base, _ = bare
    before = open_files()
    guest = Guest(base.machine, base.files, fork_of=base.state)
    with no_files_left(), pytest.raises(ZeroDivisionError), guest:
        guest.load()
        assert psutil.pid_exists(guest.pid)
        raise ZeroDivisionError
    assert not psutil.Process().children(recursive=True)
    assert open_files() == before


def test_a_qemu_that_cannot_be_started_leaves_nothing(
    bare: tuple[Template, Trial], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As often as the host lacks processes or memory, or the program."""
    base, _ = bare
    before = open_files()
    monkeypatch.setenv("PATH", str(tmp_path))
    for _ in range(3):
        with pytest.raises(UnmetNeed, match="prlimit is not installed"):
            Guest(base.machine, base.files, fork_of=base.state)
    assert open_files() == before


def test_a_killed_qemu_is_a_lost_guest_and_never_a_hang(bare: tuple[Template, Trial]) -> None:
    base, trial = bare
    long = replace(trial, fault=None, trigger=None, workload=VerifiedIO(requests=4000, deadline_s=1000))
    killed: list[float] = []

    def kill_it() -> None:
        while not (found := psutil.Process().children(recursive=True)):
            time.sleep(0.01)
        time.sleep(1.0)
        killed.append(time.monotonic())
        for process in found:
            process.kill()

    killer = threading.Thread(target=kill_it)
    killer.start()
    with pytest.raises(GuestLost, match="SIGKILL") as raised:
        run_trial(base, long)
    assert time.monotonic() - killed[0] < 3
    assert "\n" not in str(raised.value)
    killer.join()


@pytest.mark.usefixtures("prepared")
def test_a_finished_campaign_leaves_nothing_but_its_results(tmp_path: Path) -> None:
    file = experiment(tmp_path, KILLS)
    with no_files_left():
        process = started(tmp_path, "run", file, "--trials", 4, "--seed", 1, "--out", "out")
        process.communicate(timeout=120)
    assert process.returncode == DONE
    assert not of_session(process.pid)
    left = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert set(left) <= {FILE, f"{FILE}-shm", f"{FILE}-wal"}
    assert not left.get(f"{FILE}-wal"), "all is in the one file"
    assert [row[2] for row in rows(tmp_path / "out")] == ["RECOVERED"] * 4


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_campaign_stores_what_has_ended_and_leaves_nothing(
    tmp_path: Path, ending: signal.Signals
) -> None:
    file = experiment(tmp_path, KILLS)
    with no_files_left():
        process = started(tmp_path, "run", file, "--seed", 1, "--out", "out")
        wait_for_rows(tmp_path / "out", 3, process)
        process.send_signal(ending)
        _, err = process.communicate(timeout=20)
        assert gone_within(process.pid, 1)
    assert process.returncode == INTERRUPTED
    assert err.splitlines()[-1] == "faultkit: interrupted; the trials that have ended are stored, --resume continues"
    assert "Traceback" not in err
    stored = [row[0] for row in rows(tmp_path / "out")]
    assert 3 <= len(stored) < 60 and stored == list(range(len(stored)))


@pytest.mark.usefixtures("prepared")
def test_a_campaign_that_was_killed_goes_on_without_loss_or_repetition(tmp_path: Path) -> None:
    file, out = experiment(tmp_path, KILLS), tmp_path / "out"
    with no_files_left():
        process = started(tmp_path, "run", file, "--seed", 1, "--out", "out")
        wait_for_rows(out, 9, process)
        process.kill()
        process.communicate(timeout=20)
        assert gone_within(process.pid, 2), "the kernel ends every QEMU with its faultkit"
    earlier = rows(out)
    assert 9 <= len(earlier) < 60
    fails(faultkit(tmp_path, "run", file, "--seed", 2, "--out", "out", "--resume"), USAGE, "cannot be resumed", "list")
    assert rows(out) == earlier
    done = faultkit(tmp_path, "run", file, "--seed", 1, "--out", "out", "--resume")
    assert done.returncode == DONE, done.stderr
    final = rows(out)
    assert [row[0] for row in final] == list(range(60))
    assert kept(earlier, final)
    assert len({row[1] for row in final}) == 60, "each plan once"
    again = faultkit(tmp_path, "run", file, "--seed", 1, "--out", "out", "--resume")
    assert again.returncode == DONE and rows(out) == final, "nothing is left to do"


@pytest.mark.usefixtures("prepared")
def test_a_campaign_whose_terminal_went_away_is_stored_and_goes_on(tmp_path: Path) -> None:
    file, out = experiment(tmp_path, KILLS), tmp_path / "out"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("run", file, "--trials", 12, "--seed", 1, "--out", "out"), cwd=tmp_path, stdin=theirs, stdout=theirs,
        stderr=theirs, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )  # fmt: skip
    os.close(theirs)
    wait_for_rows(out, 3, process)
    shown = os.read(ours, 1 << 20).decode(errors="ignore")  # what has come may end within a character
    assert "preparing" in shown or "trials" in shown
    assert "\x1b[?25l" not in shown, "the cursor is never hidden"
    os.close(ours)
    assert process.wait(20) == INTERRUPTED
    assert gone_within(process.pid, 1)
    earlier = rows(out)
    assert 3 <= len(earlier) < 12
    assert faultkit(tmp_path, "run", file, "--resume", "--out", "out").returncode == DONE
    assert [row[0] for row in rows(out)] == [*range(12)] and kept(earlier, rows(out))


@pytest.mark.usefixtures("prepared")
def test_trials_whose_qemu_was_killed_are_run_again(tmp_path: Path) -> None:
    """A QEMU in the search path that is killed at once, as by a lack of memory, but for the question of its version."""
    file, out, path = experiment(tmp_path, KILLS), tmp_path / "out", tmp_path / "path"
    path.mkdir()
    qemu = path / "qemu-system-x86_64"
    qemu.write_text(f"""#!/bin/sh\ncase "$*" in *incoming*) kill -9 $$;; esac\nexec {shutil.which(qemu.name)} "$@"\n""")
    qemu.chmod(0o755)
    poor = {"PATH": f"{path}:{os.environ['PATH']}"}
    arguments = ("run", file, "--trials", 4, "--seed", 1, "--out", "out")
    says = ("4 of 4 trials are void", "--resume runs 4 of the void trials again")
    fails(faultkit(tmp_path, *arguments, **poor), HARNESS, *says)
    fails(faultkit(tmp_path, *arguments, "--resume", **poor), HARNESS, *says)
    done = faultkit(tmp_path, *arguments, "--resume")
    assert done.returncode == DONE, done.stderr
    assert [(row[0], row[2], row[-1]) for row in rows(out)] == [(n, "RECOVERED", None) for n in range(4)]


@pytest.mark.usefixtures("prepared")
def test_two_runs_into_one_directory_are_one(tmp_path: Path) -> None:
    file, out = experiment(tmp_path, KILLS), tmp_path / "out"
    process = started(tmp_path, "run", file, "--trials", 12, "--seed", 1, "--out", "out")
    wait_for_rows(out, 1, process)
    assert (tmp_path / "latest").readlink() == Path("out"), "it is the latest from its beginning"
    assert "planned trials have ended so far: it is running" in faultkit(tmp_path, "show", "out").stdout
    second = faultkit(tmp_path, "run", file, "--trials", 12, "--seed", 1, "--out", "out", "--resume")
    fails(second, USAGE, "belongs to a campaign that runs", f"process {process.pid} ")
    assert len(second.stderr.splitlines()) == 1, "before any work"
    process.communicate(timeout=60)
    assert process.returncode == DONE
    assert [row[0] for row in rows(out)] == [*range(12)]


def test_a_guest_that_cannot_boot_is_one_line(image: Image, bare: tuple[Template, Trial], tmp_path: Path) -> None:
    _, trial = bare
    with pytest.raises(HarnessError) as raised:
        template(trial, image, Machine(memory_mib=64), [Kill()])
    assert "did not boot" in str(raised.value) and "\n" not in str(raised.value)
    broken = tmp_path / "guest"
    shutil.copytree(image.path, broken, symlinks=True, ignore=shutil.ignore_patterns("root.sqfs"))
    (broken / "root.sqfs").symlink_to(image.root)
    (broken / "initramfs").write_bytes(b"no archive at all")
    with pytest.raises(HarnessError) as raised:
        template(trial, replace(image, path=broken, key="broken"), Machine(), [Kill()])
    assert "did not boot" in str(raised.value) and "\n" not in str(raised.value)
    assert not psutil.Process().children(recursive=True)


def test_a_monitor_that_does_not_compile_is_named(image: Image, tmp_path: Path) -> None:
    del image
    file = experiment(tmp_path, """
        from dataclasses import dataclass
        from pathlib import Path
        from monitors.bpf import Program

        @dataclass(frozen=True, slots=True)
        class Wrong:
            def attach(self, driver):
                source = Path("/run/wrong.bpf.c")
                source.write_text("int on_entry(struct pt_regs *ctx) { return nonsense }")
                return Program(source)

            def decode(self, raw, names):
                return ()

        def trials(seed):
            yield Trial(driver=Nbd(), workload=VerifiedIO(), policy=Nothing(), seed=seed, monitors=(Wrong(),))
    """)  # fmt: skip
    fails(faultkit(tmp_path, "run", file, "--out", "out"), HARNESS, "the monitor wrong.bpf.c does not compile")
    assert not (tmp_path / "out").exists(), "nothing was run"


def test_a_fault_that_cannot_be_placed_is_said_with_its_reason(tmp_path: Path, image: Image) -> None:
    """Before the first trial, with the names that are near."""
    del image
    file = experiment(tmp_path, """
        def trials(seed):
            common = dict(driver=Nbd(), workload=VerifiedIO(requests=24), policy=RestartUDriver(), seed=seed)
            yield Trial(**common, fault=CallError("sock_sendmsg", -5, nth=10**6), trigger=AtOnce())
            yield Trial(**common, fault=Text("write", function="nbd_ioctl", new="0f0b"), trigger=AtOnce())
            if seed == 0:
                yield Trial(**common, fault=CallError("kmalloc", 0), trigger=AtOnce())
            if seed == 1:
                yield Trial(**common, fault=Text("write", function="nbd_octl", new="0f0b"), trigger=AtOnce())
    """)  # fmt: skip
    says = {
        0: ("trial 2 cannot be placed: the kernel has no function 'kmalloc': it may be a macro", "near to it are __km"),
        1: ("trial 2 cannot be placed: nbd has no function 'nbd_octl': it may be a macro", "near to it are nbd_ioctl"),
    }
    for seed, words in says.items():
        fails(faultkit(tmp_path, "run", file, "--seed", seed, "--out", "wrong"), HARNESS, *words)
        fails(faultkit(tmp_path, "run", file, "--seed", seed, "--dry-run"), HARNESS, *words)
        assert not (tmp_path / "wrong").exists(), "nothing was run"
    assert "its faults have places" in faultkit(tmp_path, "run", file, "--seed", 2, "--dry-run").stdout
    assert faultkit(tmp_path, "run", file, "--seed", 2, "--out", "right").returncode == DONE
    assert [row[2] for row in rows(tmp_path / "right")] == ["INACTIVE"] * 2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_with_the_cache_is_named(image: Image, tmp_path: Path) -> None:
    """QEMU, whose guest's memory is a file there, dies of SIGBUS."""
    file, small = experiment(tmp_path, KILLS), tmp_path / "cache"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", small], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        for kind in ("guests", "modules"):
            (small / kind).symlink_to(image.path.parents[1] / kind)
        done = faultkit(tmp_path, "run", file, "--trials", 1, "--out", "out", FAULTKIT_CACHE=str(small))
        fails(done, HARNESS, f"the disk with the cache {small} is full, so template ", "FAULTKIT_CACHE")
        assert not list((small / "templates").iterdir()) and not (tmp_path / "out").exists()
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.usefixtures("prepared")
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("size_kib", [4, 20, 40, 60, 160])
def test_a_full_disk_is_one_line_and_the_campaign_can_go_on(tmp_path: Path, size_kib: int) -> None:
    file, disk = experiment(tmp_path, KILLS), tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        out = disk / "out"
        arguments = ("run", file, "--trials", 24, "--seed", 1, "--out", out)
        fails(faultkit(tmp_path, *arguments), HARNESS, "disk", "is full", "--resume")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        earlier = rows(out) if (out / FILE).exists() else []
        assert bool(earlier) == (size_kib > 100)
        assert {row[0] for row in earlier} < {*range(24)}, "a small record may fit where a larger one did not"
        done = faultkit(tmp_path, *arguments, "--resume")
        assert done.returncode == DONE, done.stderr
        final = rows(out)
        assert [row[0] for row in final] == list(range(24))
        assert kept(earlier, final)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
