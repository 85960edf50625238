"""A command works whatever its streams and its locale are, and an error that nobody foresaw is told in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from click import Context

from faultkit.cli import cli, unexpected
from tests.synthetic import campaign

ROOT = Path(__file__).parents[1]
FAULTKIT = f"{sys.executable} -m faultkit.cli"


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Twenty trials, whose experiment asks in letters that ASCII has not."""
    return campaign(tmp_path / "stored", 20, question="Überlebt es?", experiment="größe")


def shell(folder: Path, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A line that a shell runs; FAULTKIT stands for the command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FAULTKIT_CACHE": str(folder / "cache"), **more}
    return subprocess.run(
        ["bash", "-c", line.replace("FAULTKIT", FAULTKIT)], cwd=folder, env=environment, capture_output=True,
        check=False, encoding="utf-8", timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "<&- 2>&-"])
def test_a_closed_stream_is_no_matter(stored: Path, closed: str) -> None:
    done = shell(stored.parent, f"FAULTKIT show stored {closed}")
    assert done.returncode == 0 and "accounting" not in done.stderr
    assert "planned 20" in done.stdout


def test_with_every_stream_closed_the_exit_code_and_the_files_are_right(stored: Path) -> None:
    folder = stored.parent
    assert shell(folder, "FAULTKIT report stored -o report.html <&- >&- 2>&-").returncode == 0
    assert (folder / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert shell(folder, "FAULTKIT show nothing <&- >&- 2>&-").returncode == 2


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize(
    "command", ["show stored", "report stored -o r.html", "gate stored --rule 'no HUNG' --markdown s"]
)
def test_letters_that_the_locale_has_not_end_nothing(stored: Path, locale: str, command: str) -> None:
    plain = {"LANG": locale, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = shell(stored.parent, f"FAULTKIT {command}", **plain)
    assert done.returncode in (0, 1, 3) and not done.stderr
    if command == "show stored":
        assert ("größe" if "UTF" in locale else "gr??e") in done.stdout


def test_a_reader_that_has_gone_away_is_no_error(stored: Path) -> None:
    done = shell(stored.parent, "FAULTKIT show stored 1 --all | true; echo ${PIPESTATUS[0]}")
    assert done.stdout.strip() == "0" and not done.stderr


@pytest.mark.parametrize("more", ["", "--json", "--annotations github"])
def test_a_gate_answers_by_its_exit_code_though_nobody_reads_along(stored: Path, more: str) -> None:
    for rule, code in {"no CORRUPT in 1000 trials": 3, "no RECOVERED": 1}.items():
        line = f"FAULTKIT gate stored {more} --rule '{rule}'"
        alone = shell(stored.parent, f"{line} | true; echo ${{PIPESTATUS[0]}}")
        assert alone.stdout.strip() == str(code) and not alone.stderr


def test_an_error_that_nobody_foresaw_is_one_line_with_exit_code_5(tmp_path: Path) -> None:
    """The gate's code for "not met" is 1, as is Python's own for a traceback."""
    (tmp_path / "mine.py").write_text(
        dedent('''
            """Does it end?"""
            from dataclasses import dataclass
            from tests.records import Kill, a_trial
            @dataclass(frozen=True)
            class Odd(Kill):
                def files(self):
                    raise RuntimeError("at odds\\nwith itself")
            def trials(seed):
                yield a_trial(fault=Odd())
        ''')
    )  # fmt: skip
    done = shell(tmp_path, "FAULTKIT run mine.py --dry-run")
    assert done.returncode == 5 and len(done.stderr.splitlines()) == 1
    log = tmp_path / "cache" / "failed-command.log"
    assert done.stderr.startswith("faultkit: RuntimeError: at odds with itself") and str(log) in done.stderr
    assert "Traceback" in log.read_text() and "mine.py" in log.read_text()


def test_without_a_place_for_the_traceback_it_is_one_line_all_the_same(tmp_path: Path) -> None:
    head = "from dataclasses import dataclass\nfrom tests.records import Kill, a_trial\n@dataclass(frozen=True)\n"
    part = "class Odd(Kill):\n    def files(self): raise RuntimeError('no')\n"
    (tmp_path / "mine.py").write_text(f"{head}{part}def trials(seed):\n    yield a_trial(fault=Odd())\n")
    (tmp_path / "cache").touch()
    done = shell(tmp_path, "FAULTKIT run mine.py --dry-run", TMPDIR=str(tmp_path / "cache" / "none"))
    assert done.returncode == 5 and done.stderr.startswith("faultkit: RuntimeError: no")


def test_without_descriptors_it_is_one_line_with_exit_code_5(tmp_path: Path) -> None:
    """Once the command line itself is there: Python must be able to import it."""
    (tmp_path / "mine.py").write_text(
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "import wave\n"  # any module that is not there yet
    )
    done = shell(tmp_path, "FAULTKIT run mine.py --dry-run")
    assert done.returncode == 5 and len(done.stderr.splitlines()) == 1 and "Too many open files" in done.stderr


def test_no_temporary_folder_costs_no_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without descriptors Python finds none that it could write to. Also in the command that is called `cache`."""
    assert cli.get_command(Context(cli), "cache")

    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    (tmp_path / "cache").touch()
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", none)
    assert unexpected(ZeroDivisionError("by a part")).startswith("ZeroDivisionError: by a part: an error of faultkit's")


INTERRUPTED = "faultkit: interrupted; the trials that have ended are stored, --resume continues"
WAITS = """
import os, time
def trials(seed):
    open("begun", "w").close()
    time.sleep(30)
"""


def waiting(folder: Path, prefix: str = "") -> subprocess.Popen[str]:
    """A command in the midst of its work."""
    (folder / "mine.py").write_text(f'"""?"""{WAITS}')
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*prefix.split(), sys.executable, "-m", "faultkit.cli", "run", "mine.py", "--dry-run"], cwd=folder,
        env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not (folder / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("where", ["", "def trials(seed):\n    "])
@pytest.mark.parametrize("code", ["sys.exit(1)", "raise RuntimeError('at\\nodds')"])
def test_an_experiment_that_ends_by_itself_is_one_line(tmp_path: Path, where: str, code: str) -> None:
    (tmp_path / "mine.py").write_text(f"import sys\n{where}{code}\n")
    done = shell(tmp_path, "FAULTKIT run mine.py --dry-run")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert ("SystemExit: 1 (mine.py:" if "exit" in code else "RuntimeError: at odds (mine.py:") in done.stderr


@pytest.mark.usefixtures("signals_arrive")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_an_interrupt(tmp_path: Path, number: signal.Signals) -> None:
    with waiting(tmp_path) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130 and err.splitlines() == [INTERRUPTED]


def test_under_nohup_a_terminal_may_go_away(tmp_path: Path) -> None:
    with waiting(tmp_path, "nohup") as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()
