"""Results of a stranger: reading them runs nothing, and running their trials again runs what the user knows of."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faultkit.cli import cli
from faultkit.machine.kbuild import edited
from faultkit.model.builds import Edit
from faultkit.model.codec import encode
from faultkit.model.errors import FaultkitError, UsageError
from faultkit.running.judging import keep_all
from faultkit.running.replay import recorded_image
from faultkit.running.trusting import load_parts, source_of
from faultkit.store.store import Store
from tests.records import EVENTS_OF, a_row
from tests.synthetic import meta

CODE = '''
"""Parts of a user's own."""
from dataclasses import dataclass
from pathlib import Path
import strange_neighbour
Path(__file__).with_name("ran").touch()

@dataclass(frozen=True)
class Own:
    deadline_s: float = 30.0
    late_s: float = 1.0
    def run(self, bench):
        return lambda: None

@dataclass(frozen=True)
class Computed(Own):
    late_s: None = None
    @property
    def late(self):
        return 1.0
'''
READING = (["show"], ["show", "0"], ["show", "0", "--json"], ["show", "--phases"], ["judge"], ["report"], ["export"],
           ["compare", "{}"], ["gate", "--rule", "no CORRUPT"])  # fmt: skip


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Path]:
    """An experiment of a user's own, with a neighbour. It leaves a file when it is run."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "strange_mine.py").write_text(CODE)
    (folder / "strange_neighbour.py").write_text("")
    path = [*sys.path]
    yield folder / "strange_mine.py"
    sys.path[:] = path
    for name in ("strange_mine", "strange_neighbour", "os_parts"):
        sys.modules.pop(name, None)


def results_of(directory: Path, file: Path | None, part: dict[str, Any]) -> Path:
    """Results with a workload that is named so."""
    with Store.create(directory, meta(3) | {"file": str(file) if file else None, "templates": {}}) as store:
        keep_all(store, [a_row(n, *EVENTS_OF["RECOVERED"]) for n in range(3)])
        for n in range(3):
            plan = store.plan(n) | {"workload": part}
            store.update(n, {"plan": json.dumps(plan)})
    return directory


OWN = {"is": "strange_mine:Own", "deadline_s": 30.0, "late_s": 1.0}


@pytest.fixture
def results(tmp_path: Path, mine: Path) -> Path:
    """Results with parts of the user's own."""
    return results_of(tmp_path / "stored", mine, OWN)


def faultkit(*arguments: object) -> Result:
    """Run the command line."""
    return CliRunner().invoke(cli, [*map(str, arguments)], standalone_mode=False)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_results_runs_no_code_that_they_name(results: Path, mine: Path, command: list[str]) -> None:
    name, *rest = command
    done = faultkit(name, results, *(str(results) if each == "{}" else each for each in rest))
    assert done.exception is None, done.exception
    assert not mine.with_name("ran").exists() and "strange_mine" not in sys.modules


def test_a_trial_with_parts_of_a_module_that_is_not_loaded_is_shown(results: Path) -> None:
    assert "RECOVERED" in faultkit("show", results, 0).output
    assert json.loads(faultkit("show", results, 0, "--json").output)["plan"]["workload"] == OWN


def test_it_is_judged_by_what_is_stored_of_it(results: Path) -> None:
    with Store.open(results, readonly=False) as store:
        store.update(1, {"outcome": "LOST"})
    assert "1 of 3 verdicts changed" in faultkit("judge", results).output


def test_where_that_is_not_enough_judging_changes_nothing_and_asks_for_the_experiment(
    tmp_path: Path, mine: Path
) -> None:
    results = results_of(tmp_path / "stored", mine, {"is": "strange_mine:Own"})
    done = faultkit("judge", results)
    assert isinstance(done.exception, UsageError)
    assert "strange_mine:Own among them: give --experiment FILE" in str(done.exception)
    with Store.open(results) as store:
        assert store.one(0, "outcome") == "RECOVERED"
    assert "0 of 3 verdicts changed" in faultkit("judge", results, "--experiment", mine).output
    assert mine.with_name("ran").exists(), "the user has named it"


@pytest.mark.parametrize("part", [{"is": "os:system", "command": "true"}, {"is": "subprocess:Popen", "args": "true"}])
@pytest.mark.parametrize("command", ["judge", "replay", "rerun", "minimise", "interference"])
def test_a_plan_that_names_no_part_is_refused_with_one_line(
    tmp_path: Path, mine: Path, part: dict[str, Any], command: str
) -> None:
    results = results_of(tmp_path / "stored", mine, part)
    rest = {"replay": ["0"], "minimise": ["0"], "rerun": ["--dry-run"]}.get(command, [])
    done = faultkit(command, results, *rest)
    assert isinstance(done.exception, FaultkitError), done.exception
    assert "is no part" in str(done.exception) and "\n" not in str(done.exception)


def loaded(results: Path, *, trust: bool = False) -> list[str]:
    """The lines that tell of the modules that are loaded."""
    told: list[str] = []
    with Store.open(results) as store:
        load_parts(store, [0, 1], trust=trust, told=told.append)
    return told


def test_modules_beside_the_experiment_are_loaded_and_told(results: Path, mine: Path) -> None:
    assert loaded(results) == [f"loading strange_mine from {mine.resolve()} (beside its experiment)"]
    assert "strange_mine" in sys.modules
    assert loaded(results) == [], "once"


def test_a_neighbour_of_the_experiment_is_loaded_too(tmp_path: Path, mine: Path) -> None:
    (mine.with_name("strange_neighbour.py")).write_text(CODE.replace("import strange_neighbour\n", ""))
    results = results_of(tmp_path / "stored", mine, {**OWN, "is": "strange_neighbour:Own"})
    assert [line.split()[1] for line in loaded(results)] == ["strange_neighbour"]
    assert "strange_mine" not in sys.modules, "no more than is needed"


def test_an_experiment_that_came_with_the_results_is_not_loaded_without_trust(tmp_path: Path, mine: Path) -> None:
    results = results_of(tmp_path / "stored", None, OWN)
    planted = results / "strange_mine.py"
    planted.write_text(CODE)
    with Store.open(results, readonly=False) as store:
        store.set_meta("file", str(planted))
    with pytest.raises(UsageError, match=f"give --trust to run the code in {planted}"):
        loaded(results)
    assert not (results / "ran").exists()
    (results / "strange_neighbour.py").write_text("")
    assert loaded(results, trust=True) == [f"loading strange_mine from {planted} (trusted)"]
    assert (results / "ran").exists()


def test_a_module_that_lies_on_the_path_only_needs_trust(
    tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = results_of(tmp_path / "stored", None, OWN)
    monkeypatch.syspath_prepend(mine.parent)
    with pytest.raises(UsageError, match="neither installed nor beside its experiment: give --trust"):
        loaded(results)
    assert loaded(results, trust=True) == [f"loading strange_mine from {mine.resolve()} (trusted)"]


def test_an_installed_module_is_found_without_running_it(tmp_path: Path, mine: Path) -> None:
    results = results_of(tmp_path / "stored", None, {**OWN, "is": "hypothesis.extra.cli:Own"})
    sys.modules.pop("hypothesis.extra.cli", None)
    with Store.open(results) as store:
        source = source_of("hypothesis.extra.cli", store)
    assert source.why == "installed" and str(source.file).endswith("hypothesis/extra/cli.py")
    assert "hypothesis.extra.cli" not in sys.modules


def test_a_module_that_is_nowhere_is_one_line(tmp_path: Path, mine: Path) -> None:
    results = results_of(tmp_path / "stored", mine, {**OWN, "is": "no_such_module:Own"})
    with pytest.raises(UsageError, match="there is no module no_such_module"):
        loaded(results)


def test_a_relative_name_of_an_experiment_counts_for_nothing(
    tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine.parent)
    results = results_of(tmp_path / "stored", Path(mine.name), OWN)
    with pytest.raises(UsageError, match="give --trust"):
        loaded(results)


def test_the_name_of_an_experiment_is_no_path(tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = results_of(tmp_path / "stored", mine, encode(a_row(0).trial.workload))
    with Store.open(results, readonly=False) as store:
        store.set_meta("experiment", "../../planted")
    done = faultkit("rerun", results, "--dry-run")
    assert isinstance(done.exception, UsageError) and "give --out" in str(done.exception)


@pytest.mark.parametrize("file", ["Kbuild", "Makefile", "../evil.c/Kbuild", "x.S", "x.sh"])
def test_a_stored_mutant_changes_c_files_only(file: str) -> None:
    """Make runs what a Kbuild says: an edit of one would run a stranger's commands."""
    sources = {file: b"obj-m := nbd.o\n", "nbd.c": b"int x;\n"}
    with pytest.raises(UsageError, match="is not changed: edits are of C files"):
        edited(sources, [Edit("nbd.c", 0, "int", "long"), Edit(file, 0, "", "$(shell touch /tmp/taken)\n")])
    assert edited(sources, [Edit("nbd.c", 0, "int", "long")])["nbd.c"] == b"long x;\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [("image_packages", {"busybox\nPackage: *": "1"}), ("image_packages", {"busybox": "1\nPin-Priority: 2000"}),
     ("image_packages", {"-o=Dir::Bin": "1"}), ("kernel", "6.12.1-amd64/../../x")],
)  # fmt: skip
def test_apt_is_asked_for_packages_only(tmp_path: Path, mine: Path, key: str, value: Any) -> None:
    results = results_of(tmp_path / "stored", None, OWN)
    with Store.open(results, readonly=False) as store:
        store.set_meta(key, value)
        with pytest.raises(UsageError, match="which apt is not asked for"):
            recorded_image(store)
