"""A template's key changes with the files that travel into the guest, and with no other file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import faultkit
from faultkit.machine import cache

HOME = Path(faultkit.__file__).parents[1]
PACKAGES = ("faultkit", "injectors", "monitors", "drivers", "microdriver")
KEYS = """
import json, sys
from pathlib import Path
from drivers.edu import Edu, EduIO
from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtRequest, Nothing, Trial
from faultkit.machine.image import Image, headers_version
from faultkit.machine.qemu import Machine
from faultkit.machine.template import pack
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.process import Process

TRIALS = {
    "nbd": Trial(driver=Nbd(), workload=VerifiedIO(), policy=Nothing(), seed=1, monitors=(Kernel(), Process())),
    "edu": Trial(driver=Edu(), workload=EduIO(), policy=Nothing(), seed=1, monitors=(Kernel(),)),
}
image = Image(Path("nowhere"), headers_version(), "none", (0, 0))
print(json.dumps({name: pack(TRIALS[name], image, Machine(), (Kill(), AtRequest(1)))[0] for name in sys.argv[1:]}))
"""


def keys(home: Path, *names: str) -> dict[str, str]:
    """The keys of some templates by the code in a directory."""
    environment = {**os.environ, "PYTHONPATH": str(home), "FAULTKIT_CACHE": str(cache.place())}
    command = [sys.executable, "-P", "-B", "-c", KEYS, *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code."""
    target = tmp_path_factory.mktemp("home")
    for package in PACKAGES:
        shutil.copytree(HOME / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture(scope="module")
def nbd_key(home: Path) -> str:
    return keys(home, "nbd")["nbd"]


def nbd_key_with(home: Path, *files: str) -> str:
    """The key of nbd's template when a comment is added to each of some files, or the file, if there is none."""
    before = {home / file: (home / file).read_bytes() if (home / file).exists() else None for file in files}
    for path, content in before.items():
        path.write_bytes((content or b'"""Nothing."""\n') + (b"# one more\n" if path.suffix == ".py" else b"/* */\n"))
    try:
        return keys(home, "nbd")["nbd"]
    finally:
        for path, content in before.items():
            path.unlink() if content is None else path.write_bytes(content)


def matched(home: Path, *patterns: str) -> tuple[str, ...]:
    """The files that the patterns name, each of them at least one."""
    found = [sorted(str(path.relative_to(home)) for path in home.glob(pattern)) for pattern in patterns]
    assert all(found), dict(zip(patterns, found, strict=True))
    return tuple(name for names in found for name in names)


def those_that_change_it(home: Path, key: str, files: tuple[str, ...]) -> list[str]:
    """The files that change nbd's key; one question suffices if there is none."""
    return [file for file in files if nbd_key_with(home, file) != key] if nbd_key_with(home, *files) != key else []


def test_one_more_module_changes_no_key(home: Path, nbd_key: str) -> None:
    folders = (
        "injectors", "injectors/udriver", "injectors/tools", "monitors", "drivers", "drivers/nbd", "microdriver",
        "faultkit/machine", "faultkit/model", "faultkit/guest",
    )  # fmt: skip
    files = tuple(f"{folder}/one_more.py" for folder in folders)
    assert all((home / folder).is_dir() for folder in folders) and not any((home / file).exists() for file in files)
    assert those_that_change_it(home, nbd_key, files) == []


def test_a_comment_in_a_file_that_does_not_travel_changes_no_key(home: Path, nbd_key: str) -> None:
    patterns = (
        "injectors/udriver/hang.py", "injectors/kdriver/text.py", "injectors/tools/calls.py",
        "injectors/kmod/*/*.c", "faultkit/kernel/*", "monitors/requests.py", "monitors/requests.bpf.c",
        "drivers/edu/driver.py", "drivers/edu/*.h", "drivers/rtl8139_micro/*.c", "microdriver/*.py",
        "microdriver/kernel/*.c", "microdriver/user/*.h", "faultkit/machine/template.py",
        "faultkit/running/trial.py", "faultkit/store/*.py",
    )  # fmt: skip
    files = matched(home, *patterns)
    assert those_that_change_it(home, nbd_key, files) == []


@pytest.mark.parametrize(
    "file",
    ["injectors/tools/udriver.py", "monitors/process.bpf.c", "drivers/nbd/workload.py", "faultkit/guest/bench.py"],
)
def test_a_comment_in_a_file_that_travels_changes_the_key(home: Path, nbd_key: str, file: str) -> None:
    assert (home / file).exists()
    assert nbd_key_with(home, file) != nbd_key


@pytest.mark.guest  # builds kernel modules
def test_a_microdrivers_key_changes_with_its_own_c_and_the_runtimes_alone(home: Path) -> None:
    before = keys(home, "nbd", "edu")
    for pattern, changed in {
        "drivers/null_micro/*_k.c": set[str](),
        "injectors/kmod/*/*.c": set(),
        "faultkit/kernel/arming.c": {"edu"},
        "drivers/edu/*_k.c": {"edu"},
        "microdriver/kernel/*core.c": {"edu"},
    }.items():
        file = matched(home, pattern)[0]
        original = (home / file).read_text()
        (home / file).write_text(f'{original}\nMODULE_INFO(one_more, "one more");\n')
        after = keys(home, "nbd", "edu")
        (home / file).write_text(original)
        assert {name for name in before if before[name] != after[name]} == changed, file
