"""The command line: what is wrong is said in one line on standard error, with the exit code of its kind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from faultkit.cli import main
from faultkit.store import database
from faultkit.store.store import FILE
from tests.synthetic import campaign

DONE, USAGE, UNMET, HARNESS = 0, 2, 4, 5


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
HEAD = "from tests.records import a_trial\n"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def faultkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs the command in an empty directory, with an empty cache."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"FAULTKIT_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    handler, path = signal.getsignal(signal.SIGTERM), [*sys.path]

    def run(*arguments: object, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["faultkit", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    yield run
    signal.signal(signal.SIGTERM, handler)
    sys.path[:] = path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Twenty stored trials."""
    return campaign(tmp_path / "stored", 20)


def fails(done: Done, code: int, *says: str) -> None:
    """It ended with this code and one line that says all this."""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.returncode == code, done.stderr
    for words in says:
        assert words in done.stderr


def experiment(folder: Path, body: str) -> Path:
    """A file of a user's."""
    file = folder / "mine.py"
    file.write_text(HEAD + dedent(body))
    return file


ONE = "def trials(seed):\n    yield a_trial(seed=seed)\n"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def trials(seed) yield 1", "mine.py is not valid Python: line 2"),
        ("import no_such_package_here", "No module named 'no_such_package_here' (mine.py:2)"),
        ("x = 1", "has no function trials(seed)"),
        ("def trials(seed):\n    yield 3", "trials() yielded a int, not a Trial"),
        ("def trials(seed):\n    yield from ()", "yields no trial"),
        ("def trials(seed):\n    yield 1 / 0", "ZeroDivisionError: division by zero (mine.py:3)"),
        ("def trials():\n    yield a_trial()", "trials(1) failed: TypeError"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_said(faultkit: Run, tmp_path: Path, body: str, says: str) -> None:
    fails(faultkit("run", experiment(tmp_path, body), "--seed", 1, "--dry-run"), USAGE, says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "no_such_experiment"], "there is no experiment 'no_such_experiment': `faultkit list experiments`"),
        (["run", "no/such/file.py"], "there is no experiment file"),
        (["run", "mine.py", "--trials", 0], "'--trials': 0 is not in the range x>=1"),
        (["run", "mine.py", "--jobs", 0], "'--jobs': 0 is not in the range x>=1"),
        (["run", "mine.py", "--seed", -1], "'--seed': -1"),
        (["run", "mine.py", "--trials", "many"], "'--trials': 'many' is not a valid integer"),
        (["run", "mine.py", "--trials", 2], "mine has 1 trials, not 2: ask for at most 1"),
        (["run", "mine.py", "--accel", "hvf"], "'--accel'"),
        (["run", "mine.py", "--shift", 99], "'--shift'"),
        (["run", "mine.py", "--kernel-options", "quiet panic=0"], "'panic=0' is set by faultkit itself"),
        (["run", "mine.py", "--kernel-options", "m\u00fcde"], "is no plain text"),
        (["run", "mine.py", "--resume"], "there are no results of mine to continue"),
        (["run"], "Missing argument 'EXPERIMENT'"),
        (["run", "mine.py", "--no-such-option"], "No such option"),
        (["walk"], "No such command 'walk'"),
        (["show", "nowhere"], "nowhere holds no results"),
        (["judge", "nowhere"], "nowhere holds no results"),
        (["report", "nowhere"], "nowhere holds no results"),
        (["export", "nowhere"], "nowhere holds no results"),
        (["replay", "nowhere", 1], "nowhere holds no results"),
        (["list", "kings"], "'kings' is not one of"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error(
    faultkit: Run, tmp_path: Path, arguments: list[object], says: str
) -> None:
    experiment(tmp_path, ONE)
    fails(faultkit(*arguments), USAGE, says)
    assert not (tmp_path / "results").exists()


def test_a_dry_run_says_what_it_would_do_and_does_nothing(faultkit: Run, tmp_path: Path) -> None:
    done = faultkit("run", experiment(tmp_path, ONE), "--seed", 7, "--dry-run")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert done.stdout.startswith("mine: 1 trials, seed 7, 1 template(s), into results/mine/")
    assert not (tmp_path / "results").exists() and not (tmp_path / "cache").exists()


def test_results_that_are_there_are_not_overwritten(faultkit: Run, tmp_path: Path, results: Path) -> None:
    before = (results / FILE).read_bytes()
    fails(faultkit("run", experiment(tmp_path, ONE), "--out", results), USAGE, "stored exists", "--resume", "--out")
    assert (results / FILE).read_bytes() == before


def test_results_cannot_go_into_a_file(faultkit: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    fails(faultkit("run", experiment(tmp_path, ONE), "--out", "taken"), USAGE, "taken exists")


def test_a_trial_that_is_not_there_is_a_usage_error(faultkit: Run, results: Path) -> None:
    fails(faultkit("show", results, 999), USAGE, "there is no trial 999")
    fails(faultkit("show", results, 999, "--json"), USAGE, "there is no trial 999")


@pytest.mark.parametrize("command", [["show"], ["judge"], ["export"], ["replay", 1]])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_a_truncated_store_is_a_usage_error(faultkit: Run, results: Path, command: list[object], share: float) -> None:
    file = results / FILE
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    done = faultkit(command[0], results, *command[1:])
    fails(done, USAGE, "stored", "must be run again")


def test_a_locked_store_is_a_harness_error(faultkit: Run, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.05)
    other = sqlite3.connect(results / FILE, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with sqlite3.connect(results / FILE) as check, pytest.raises(sqlite3.OperationalError):
        check.execute("PRAGMA busy_timeout=0")
        check.execute("CREATE TABLE t (x)")
    fails(faultkit("judge", results), HARNESS, "is locked by another process")
    other.close()


def test_replay_wants_to_know_which(faultkit: Run, results: Path) -> None:
    for arguments in ((), (1, "--sample", 2)):
        fails(faultkit("replay", results, *arguments), USAGE, "give the numbers of the trials, or --sample N")


def test_a_rerun_says_what_it_would_do(faultkit: Run, results: Path) -> None:
    done = faultkit("rerun", results, "--policy", "nothing", "--dry-run")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert done.stdout.startswith("kill_under_load-again: 20 trials, seed 7, ")
    assert " into results/kill_under_load-again/" in done.stdout
    fails(faultkit("rerun", results, "--policy", "prayer"), USAGE, "'prayer' names none of our policies", "nothing")
    fails(faultkit("rerun", results, "--monitors", "kernel,moon"), USAGE, "'kernel,moon' names none of our monitors")
    fails(faultkit("rerun", results, "--trials", 21, "--dry-run"), USAGE, "has 20 trials, not 21")
    fails(faultkit("rerun", results, "--resume"), USAGE, "there are no results of kill_under_load-again to continue")


def test_what_has_one_fault_cannot_be_minimised(faultkit: Run, results: Path) -> None:
    fails(faultkit("minimise", results, 99), USAGE, "there is no trial 99")


def test_compare_wants_two_results_or_a_part(faultkit: Run, results: Path) -> None:
    for arguments in ((), (results, "--by", "policy")):
        fails(faultkit("compare", results, *arguments), USAGE, "give two results, or one and --by policy")
    fails(faultkit("compare", results, "--by", "driver"), USAGE, "no two trials", "differ in driver alone")
    fails(faultkit("compare", results, "nowhere"), USAGE, "nowhere holds no results")


def test_a_campaign_compared_with_itself_does_not_differ(faultkit: Run, results: Path) -> None:
    [found] = json.loads(faultkit("compare", results, results, "--json").stdout)
    assert found["paired"] and found["p_value"] == 1 and found["discordant"] == []
    assert "paired: the fault lists match" in faultkit("compare", results, results).stdout


@pytest.mark.parametrize("kind", ["drivers", "injectors", "monitors", "policies", "experiments"])
def test_a_list_for_scripts_has_a_name_and_a_summary_for_each(faultkit: Run, kind: str) -> None:
    done = faultkit("list", kind, "--json")
    assert (done.returncode, done.stderr) == (DONE, "")
    [(found, items)] = json.loads(done.stdout).items()
    assert found == kind
    assert len(items) >= 2
    assert all(set(item) == {"name", "summary"} and item["name"] and item["summary"] for item in items)
    assert [item["name"] for item in items] == sorted(item["name"] for item in items)


def test_the_whole_list_knows_every_part_that_we_have(faultkit: Run) -> None:
    listed = {
        kind: {item["name"] for item in items} for kind, items in json.loads(faultkit("list", "--json").stdout).items()
    }
    assert listed["drivers"] >= {"nbd", "rtl8139"}
    assert listed["injectors"] >= {"kill", "crash", "hang", "memory", "text", "call_error", "call_delay"}
    assert listed["monitors"] >= {"calls", "kernel", "modules", "process", "requests", "resources"}
    assert listed["policies"] >= {"nothing", "give_up", "restart_udriver", "reload_kdriver", "restart_both"}
    assert listed["experiments"] >= {"quickstart_nbd", "quickstart_rtl8139"}


def test_a_campaign_for_scripts_adds_up(faultkit: Run, results: Path) -> None:
    shown = json.loads(faultkit("show", results, "--json").stdout)
    assert isinstance(shown, dict)
    trial = json.loads(faultkit("show", results, 0, "--json").stdout)
    assert set(trial) == {"trial", "plan", "outcome", "reason", "void", "events"}


def test_the_phases_of_recovery_are_shown(faultkit: Run, results: Path) -> None:
    rows = json.loads(faultkit("show", results, "--phases", "--json").stdout)
    assert rows and all(set(row) >= {"policy", "phase", "n", "incomplete", "p50_ns", "p99_ns"} for row in rows)
    assert "recovered" in faultkit("show", results, "--phases").stdout
    fails(faultkit("show", results, 999, "--phases"), USAGE, "there is no trial 999")


def without(tools: set[str], folder: Path) -> str:
    """A PATH on which everything is but these."""
    folder.mkdir()
    for directory in (*os.environ["PATH"].split(":"), "/usr/sbin", "/sbin"):
        for file in Path(directory).iterdir() if Path(directory).is_dir() else ():
            if file.name not in tools and not (folder / file.name).exists():
                (folder / file.name).symlink_to(file)
    return str(folder)


@pytest.mark.parametrize(
    ("tool", "mends"),
    [("qemu-system-x86_64", "apt-get install qemu-system-x86"), ("setpriv", "util-linux"), ("gcc", "build-essential")],
)
def test_doctor_names_the_command_that_mends_what_is_missing(
    faultkit: Run, tmp_path: Path, tool: str, mends: str
) -> None:
    done = faultkit("doctor", PATH=without({tool}, tmp_path / "path"))
    assert done.returncode == UNMET
    [line] = [line for line in done.stdout.splitlines() if line.lstrip().startswith("MISSING") and mends in line]
    assert line
    assert "Traceback" not in done.stderr
    items = json.loads(faultkit("doctor", "--json", PATH=str(tmp_path / "path")).stdout)
    assert [item["ok"] for item in items if mends in item["mend"]].count(False) >= 1
    assert all(set(item) == {"name", "ok", "detail", "mend"} for item in items)


@pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is missing anyway")
def test_a_run_without_qemu_names_the_command_that_mends_it(faultkit: Run, tmp_path: Path) -> None:
    path = without({"qemu-system-x86_64", "mmdebstrap"}, tmp_path / "path")
    done = faultkit("run", experiment(tmp_path, ONE), "--out", "out", PATH=path)
    fails(done, UNMET, "mmdebstrap is not installed: apt-get install mmdebstrap")
    assert not (tmp_path / "out").exists()


def test_a_cache_that_cannot_be_made_is_an_unmet_need(faultkit: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = faultkit("run", experiment(tmp_path, ONE), "--out", "out", FAULTKIT_CACHE=str(tmp_path / "file" / "cache"))
    fails(done, UNMET, "cannot be made", "set FAULTKIT_CACHE")


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'from faultkit.cli import main; main()' list | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("drivers\n", "")


def test_help_and_version_are_there(faultkit: Run) -> None:
    assert faultkit("--help").returncode == DONE
    assert "doctor" in faultkit("-h").stdout
    assert faultkit("--version").stdout.startswith("faultkit, version ")
    assert faultkit().returncode == USAGE
