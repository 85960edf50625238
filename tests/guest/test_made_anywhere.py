"""The same recipe makes the same guest, templates and trials anywhere: only the packages and the code matter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import faultkit
from faultkit.machine import cache
from faultkit.machine.image import Image

pytestmark = [pytest.mark.guest, pytest.mark.early]
HOME = Path(faultkit.__file__).parents[1]
PACKAGES = ("faultkit", "injectors", "monitors", "drivers", "microdriver", "tests")
TRIALS = 10
ELSEWHERE = {
    "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "77",
    "CFLAGS": "-O0", "SOURCE_DATE_EPOCH": "1",
}  # fmt: skip


def made(home: Path, place: Path, umask: int, *before: str, **environment: str) -> dict[str, Any]:
    """Run the code in a directory, with a cache of its own; returns the hashes that it prints."""
    command = [*before, sys.executable, "-P", "-m", "tests.guest.elsewhere"]
    variables = {**os.environ, **environment, "PYTHONPATH": str(home), "FAULTKIT_CACHE": str(place)}
    done = subprocess.run(command, cwd=home, env=variables, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_made_elsewhere_under_other_circumstances_is_the_same(image: Image, tmp_path: Path) -> None:
    home, scratch = tmp_path / "another" / "home", tmp_path / "scratch"
    for package in PACKAGES:
        shutil.copytree(HOME / package, home / package, ignore=shutil.ignore_patterns("__pycache__"))
    scratch.mkdir()
    here = made(HOME, cache.place(), 0o022)
    processor = str(min(os.sched_getaffinity(0)))
    there = made(home, tmp_path / "cache", 0o077, "taskset", "-c", processor, **ELSEWHERE, TMPDIR=str(scratch))
    assert (tmp_path / "cache" / "guests").is_dir(), "it was built again"
    if there["packages"] != here["packages"]:  # the archive has changed since the cached guest was made
        here = made(HOME, tmp_path / "newer", 0o022)
        shutil.rmtree(tmp_path / "newer")
    assert there["packages"] == here["packages"] != {}
    assert there["files"] == here["files"]
    assert there["keys"] == here["keys"]
    assert there["template"] == here["template"]
    assert len(there["trials"]) == TRIALS and len({json.dumps(trial) for trial in there["trials"]}) == TRIALS
    for n, (one, other) in enumerate(zip(here["trials"], there["trials"], strict=True)):
        assert one == other, f"trial {n}"
    shutil.rmtree(tmp_path / "cache")  # a gigabyte
    assert list(scratch.iterdir()) == []
    assert image.root.exists()
