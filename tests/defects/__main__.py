"""Seed the defects one at a time into a copy of a checkout, run the tests that should find each, and print which did.

    python -m tests.defects CHECKOUT RESULTS.json [--guest]

Results are kept in the file after each defect; a second run goes on where the first ended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.defects.known import Defect, defects
from tests.defects.older import older_path, older_text

LIMIT_S = 900
SOUND: set[tuple[str, ...]] = set()  # tests that have passed on this checkout as it is
FOUND, MISSED, ABSENT, BROKEN = "found", "missed", "not there", "tests fail without it"


def main() -> None:
    """Go through all of them, and sum up."""
    checkout, results = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    known: dict[str, str] = json.loads(results.read_text()) if results.exists() else {}
    with tempfile.TemporaryDirectory(prefix="defects-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(checkout, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", ".*cache"))
        for defect in defects():
            if defect.name not in known:
                known[defect.name] = tried(copy, checkout, defect, guests="--guest" in sys.argv)
                results.write_text(json.dumps(known, indent=1))
                print(f"{known[defect.name]:>9}  {defect.name!r}", flush=True)
    for word in (FOUND, MISSED, ABSENT, BROKEN):
        print(f"{sum(end == word for end in known.values())} {word}")


def tried(copy: Path, checkout: Path, defect: Defect, *, guests: bool) -> str:
    """Put a defect in, run its tests, and take it out again."""
    file = next((path for name in (defect.file, older_path(defect.file)) if (path := copy / name).exists()), None)
    text = file.read_text() if file else ""
    right = next((words for words in (defect.right, older_text(defect.right)) if text.count(words) == 1), None)
    if file is None or right is None:
        return ABSENT
    if defect.tests not in SOUND and fails(copy, checkout, defect.tests, guests=guests):
        return BROKEN
    SOUND.add(defect.tests)
    wrong = defect.wrong if right == defect.right else older_text(defect.wrong)
    file.write_text(text.replace(right, wrong))
    try:
        return FOUND if fails(copy, checkout, defect.tests, guests=guests) else MISSED
    finally:
        file.write_text(text)


def fails(copy: Path, checkout: Path, tests: tuple[str, ...], *, guests: bool) -> bool:
    """Report whether one of these test files fails; those that are not there do not."""
    files = [name for name in tests if (copy / name).exists() and (guests or "/guest/" not in name)]
    if not files:
        return False
    python = checkout / ".venv" / "bin" / "python"
    command = [
        python if python.exists() else sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *files,
    ]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=LIMIT_S, check=False)
    return done.returncode == 1


if __name__ == "__main__":
    main()
