"""A repository of a user's own with the packages `drivers`, `injectors`, `monitors` and `experiments`, beside ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from faultkit.model import same_names

OURS = same_names.HOME
EXPERIMENT = '''
"""Do both import?"""
from drivers import HELD
from drivers.nbd import Nbd, VerifiedIO
from drivers.ring import Ring, RoundTrips
from faultkit import AtRequest, Nothing, Trial
from injectors.all_gone import AllGone
from injectors.udriver.kill import Kill
from monitors.mine import Mine
from monitors.requests import Requests

def trials(seed):
    golden = Trial(driver=Ring(), workload=RoundTrips(), policy=Nothing(), seed=seed, monitors=(Mine(),))
    yield golden
    yield Trial(driver=Nbd(), workload=VerifiedIO(), policy=Nothing(), seed=seed, fault=Kill(), trigger=AtRequest(HELD))
'''
MONITOR = """
from dataclasses import dataclass
from monitors.resources import Resources
@dataclass(frozen=True)
class Mine:
    def attach(self, driver):
        return Resources().attach(driver)
    def decode(self, raw, names):
        return ()
"""
INJECTOR = """
from contextlib import contextmanager
from dataclasses import dataclass
@dataclass(frozen=True)
class AllGone:
    @contextmanager
    def inject(self, bench):
        yield
"""
TEST = """
from drivers import HELD
from drivers.nbd import Nbd
from drivers.ring import Ring
from experiments.kills import trials
from experiments.quickstart_nbd import GOLDEN
from injectors.all_gone import AllGone
from injectors.udriver.kill import Kill

def test_both_are_there():
    assert HELD == 3 and len(list(trials(1))) == 2
"""
FILES: Mapping[str, str] = {
    "drivers/__init__.py": "HELD = 3\n",
    "injectors/all_gone.py": INJECTOR,  # no __init__.py around it
    "monitors/__init__.py": "import library_of_mine\n",
    "library_of_mine.py": "",
    "monitors/mine.py": MONITOR,
    "experiments/__init__.py": "",
    "experiments/kills.py": EXPERIMENT.lstrip(),
    "tests/test_ring.py": TEST,
    "pytest.ini": "[pytest]\npythonpath = .\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The repository."""
    home = tmp_path / "mine"
    for name, text in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    example = OURS / "tests" / "own_driver"
    shutil.copyfile(example / "ringdriver.py", home / "drivers" / "ring.py")
    for name in ("ring.c", "Kbuild"):
        shutil.copyfile(example / name, home / "drivers" / name)
    return home


INSTALLED = ("-P", "-c", "from faultkit.cli import main; main()")  # the installed command: no folder of the caller's
BY_MODULE = ("-m", "faultkit.cli")  # the caller's folder comes before all others


def python(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Python's answer, run in a folder of the user's."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [INSTALLED, BY_MODULE], ids=["installed", "module"])
@pytest.mark.parametrize("folder", [".", "experiments", "drivers"])
def test_an_experiment_imports_ours_and_its_own(repository: Path, command: tuple[str, ...], folder: str) -> None:
    file = repository / "experiments" / "kills.py"
    done = python(repository / folder, *command, "run", file, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"] == 2


@pytest.mark.parametrize("command", [INSTALLED, BY_MODULE], ids=["installed", "module"])
def test_ours_run_from_its_folder(repository: Path, command: tuple[str, ...]) -> None:
    done = python(repository, *command, "run", "quickstart_nbd", "--dry-run", "--json", "--trials", "5")
    assert done.returncode == 0, done.stderr
    listed = python(repository, *command, "list", "drivers").stdout
    assert "nbd" in listed and "ring" not in listed


@pytest.mark.parametrize("importing", [(), ("--import-mode=importlib",)], ids=["prepend", "importlib"])
def test_its_tests_import_ours_and_its_own(repository: Path, importing: tuple[str, ...]) -> None:
    done = python(repository, "-m", "pytest", "-q", *importing, "tests")
    assert done.returncode == 0, done.stdout


def test_what_travels_is_of_both(repository: Path) -> None:
    ask = (
        "from pathlib import Path; from faultkit.machine import payload; from faultkit.running import experiment;"
        f"trials = [*experiment.load_experiment({str(repository / 'experiments' / 'kills.py')!r}).trials(1)];"
        "told = lambda parts: print(*(f'{name}={file}' for name, file in payload.sources(parts)));"
        "told([trials[0].driver, *trials[0].monitors]); told([trials[1].driver])"
    )
    done = python(repository, "-P", "-c", ask)
    assert done.returncode == 0, done.stderr
    mine, ours = (dict(pair.split("=") for pair in line.split()) for line in done.stdout.splitlines())
    assert mine["drivers/ring.py"] == str(repository / "drivers" / "ring.py")
    assert mine["drivers/__init__.py"] == str(repository / "drivers" / "__init__.py")
    assert mine["library_of_mine.py"] == str(repository / "library_of_mine.py"), "it lies beside the package"
    assert mine["monitors/resources.py"] == str(OURS / "monitors" / "resources.py")
    assert "drivers/ring.py" not in ours, "a driver of ours needs none of theirs"
    assert ours["drivers/__init__.py"] == str(OURS / "drivers" / "__init__.py")


@pytest.mark.parametrize("command", [INSTALLED, BY_MODULE], ids=["installed", "module"])
def test_a_module_that_both_have_is_refused_in_one_line(repository: Path, command: tuple[str, ...]) -> None:
    theirs = repository / "drivers" / "nbd.py"
    theirs.write_text("")
    done = python(repository, *command, "run", repository / "experiments" / "kills.py", "--dry-run")
    assert done.returncode == 2
    assert done.stderr == (
        f"faultkit: {repository}/experiments/kills.py cannot be loaded: SameName: drivers.nbd is a module of faultkit, "
        f"and also of yours ({theirs}): rename yours (kills.py:3)\n"
    )


def test_a_module_that_neither_has_is_told_with_the_way_out(repository: Path) -> None:
    (repository / "experiments" / "__init__.py").unlink()  # so that the folder above is not looked in
    file = repository / "experiments" / "kills.py"
    file.write_text(file.read_text().replace("from drivers import HELD", "HELD = 3"))
    done = python(repository, *INSTALLED, "run", file, "--dry-run")
    assert done.returncode == 2 and "for a drivers/ of yours, set PYTHONPATH to its folder" in done.stderr
    done = subprocess.run(
        [sys.executable, *INSTALLED, "run", str(file), "--dry-run"], cwd=repository, capture_output=True, text=True,
        check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(repository)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["json", "drivers", "faultkit"])
def test_a_file_that_would_hide_what_others_need_is_refused(repository: Path, name: str) -> None:
    file = (repository / "experiments" / "kills.py").rename(repository / "experiments" / f"{name}.py")
    done = python(repository, *INSTALLED, "run", file, "--dry-run")
    assert done.returncode == 2 and done.stderr.endswith("needs: give the file another name\n")


def test_a_stored_name_never_loads_a_users_module(repository: Path) -> None:
    """Though it is in a package of a name of ours, and the user's folder is on the path."""
    (repository / "drivers" / "evil.py").write_text("print('it ran')\n")
    ask = (
        "import sys; sys.path.insert(0, '.'); from faultkit.model import known, same_names; same_names.install();"
        "print(known.known('drivers.evil:Evil'), known.known('drivers.nbd.driver:Nbd').__name__)"
    )
    done = python(repository, "-P", "-c", ask)
    assert (done.stdout, done.stderr) == ("None Nbd\n", "")


@pytest.mark.guest
def test_a_trial_runs_with_parts_of_both(repository: Path, tmp_path: Path) -> None:
    file, out = repository / "experiments" / "kills.py", tmp_path / "results"
    done = python(repository, *INSTALLED, "run", file, "--trials", "1", "--seed", "1", "--out", out)
    assert done.returncode == 0, done.stderr
    again = python(tmp_path, *INSTALLED, "replay", out, "0")
    assert again.returncode == 0, again.stderr
    assert f"drivers.ring from {repository}/drivers/ring.py (beside its experiment)" in again.stdout + again.stderr
    mine = repository / "drivers" / "ring.py"
    mine.write_text(mine.read_text() + "# changed\n")
    again = python(tmp_path, *INSTALLED, "replay", out, "0")
    assert again.returncode == 4 and "other code: yours has changed (drivers/ring.py); check out" in again.stderr
    resumed = python(repository, *INSTALLED, "run", file, "--seed", "1", "--out", out, "--resume")
    says = (
        f"{out} cannot be resumed: it was run with other code: yours has changed (drivers/ring.py); leave out --resume"
    )
    assert resumed.returncode == 2 and resumed.stderr == f"faultkit: {says}\n", "before anything is prepared"
