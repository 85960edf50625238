"""`faultkit new`: what it writes is right by our own tools, and it overwrites nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from faultkit.cli import cli
from faultkit.model.errors import UsageError

ROOT = Path(__file__).parents[1]
MADE = {"Kbuild", "note_pad.c", "note_pad_driver.py", "note_pad_workload.py", "note_pad_faults.py"}


def new(kind: str, name: str) -> Result:
    """The result of `faultkit new KIND NAME`."""
    return CliRunner().invoke(cli, ["new", kind, "--", name])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dry_run(file: str) -> str:
    """The plan of a campaign, by another process, because modules stay loaded."""
    command = [sys.executable, "-m", "faultkit.cli", "run", file, "--seed", "1", "--dry-run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_driver_can_be_run(here: Path) -> None:
    said = new("driver", "note_pad").stdout
    assert said == "written: note_pad/; run it: faultkit run note_pad/note_pad_faults.py\n"
    assert {file.name for file in (here / "note_pad").iterdir()} == MADE
    assert "class NotePad:" in (here / "note_pad" / "note_pad_driver.py").read_text()
    assert dry_run(said.split()[-1]).startswith("note_pad_faults: 4 trials, seed 1, 1 template(s)")


def test_a_new_experiment_can_be_run(here: Path) -> None:
    assert new("experiment", "kills").stdout == "written: kills.py; run it: faultkit run kills.py\n"
    assert dry_run("kills.py").startswith("kills: 22 trials, seed 1, 1 template(s)")


def test_what_is_written_passes_our_own_checks(here: Path) -> None:
    new("driver", "note_pad")
    new("experiment", "kills")
    config = f"--config={ROOT / 'pyproject.toml'}"
    files = [*sorted(map(str, here.rglob("*.py")))]
    assert len(files) == 4
    unfit = "--ignore=I001,S311"  # the order of imports hangs on the name
    for tool in (["ruff", "check", unfit], ["ruff", "format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", tool[0], *tool[1:], config, *files], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("kind", "place"), [("driver", "mine"), ("experiment", "mine.py")])
def test_nothing_is_overwritten(here: Path, kind: str, place: str) -> None:
    (here / place).write_text("precious")
    reason = new(kind, "mine").exception
    assert isinstance(reason, UsageError) and str(reason) == f"{place} exists: give another name, or move it away"
    assert [(file.name, file.read_text()) for file in here.iterdir()] == [(place, "precious")]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My-Disk", "'My-Disk' cannot be a name: use up to 40 lower-case letters"),
        ("../up", "'../up' cannot be a name"),
        ("2fast", "'2fast' cannot be a name"),
        ("", "'' cannot be a name"),
        ("x" * 41, "cannot be a name"),
        ("class", "'class' cannot be a name: it is Python's or faultkit's own"),
        ("random", "'random' cannot be a name: it is Python's or faultkit's own"),
        ("monitors", "'monitors' cannot be a name: it is Python's or faultkit's own"),
    ],
)
@pytest.mark.parametrize("kind", ["driver", "experiment"])
def test_what_cannot_be_a_name_is_said(here: Path, kind: str, name: str, says: str) -> None:
    reason = new(kind, name).exception
    assert isinstance(reason, UsageError) and says in str(reason)
    assert list(here.iterdir()) == []
