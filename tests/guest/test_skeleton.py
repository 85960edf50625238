"""The driver that `faultkit new driver` writes, run unchanged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import faultkit
from faultkit.machine.image import Image
from faultkit.model.events import Outcome

pytestmark = pytest.mark.guest


def command(where: Path, *arguments: str) -> None:
    """`faultkit ARGUMENTS`, in a directory."""
    done = subprocess.run(
        [sys.executable, "-c", "from faultkit.cli import main; main()", *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_new_driver_runs_and_its_known_faults_end_as_its_experiment_says(image: Image, tmp_path: Path) -> None:
    del image  # only to skip where guests cannot run
    command(tmp_path, "new", "driver", "note_pad")
    command(tmp_path, "run", "note_pad/note_pad_faults.py", "--seed", "1", "--jobs", "1", "--out", "out")
    trials = faultkit.load(tmp_path / "out").trials
    assert trials["void"].isna().all() and len(trials) == 4
    golden, allocation, broken, drawn = trials["outcome"]
    assert (golden, allocation, broken) == (Outcome.MASKED.name, Outcome.DISRUPTED.name, Outcome.CRASHED.name)
    assert trials["crash_function"].iloc[2] == "note_pad_write"
    assert drawn in Outcome.__members__ and trials["injected"].iloc[3]
