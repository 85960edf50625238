"""Whose code has changed since a campaign was run: what is recorded of it, and what a refusal says."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.nbd import Nbd
from faultkit.machine.image import Image
from faultkit.machine.initramfs import ArchiveMember, archive, files_of, with_folders
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Blueprint, blueprint
from faultkit.model import same_names
from faultkit.running import code_changes
from faultkit.running.code_changes import FILES, faultkits_revision, is_ours, own_revisions, recorded, revision, told
from tests.own_driver.ringdriver import Ring
from tests.records import a_trial

NOWHERE = Image(Path("nowhere"), "6.12", "none", (0, 0))
THEN = {"faultkit's:drivers/nbd/driver.py": "1", "yours:ring.py": "2", "yours:old.py": "3", "faultkit's:a.py": "4"}


def test_an_archive_gives_back_its_files() -> None:
    files = {"a/b": b"12345", "a/c": b"1", "d": b"x" * 1000}
    one = archive(with_folders(ArchiveMember(name, data) for name, data in files.items()))
    two = archive([ArchiveMember("e", b"last")])
    assert dict(files_of(one + two)) == files | {"e": b"last"}
    assert dict(files_of(b"")) == {}


@pytest.mark.parametrize(
    ("today", "says"),
    [
        (THEN, "the code is the same, but another compiler, QEMU or machine is used"),
        (THEN | {"yours:ring.py": "9"}, "yours has changed (ring.py)"),
        (THEN | {"yours:new.py": "9"}, "yours has changed (new.py)"),
        ({name: value for name, value in THEN.items() if "old" not in name}, "yours has changed (1 gone)"),
        (THEN | {"faultkit's:a.py": "9"}, "faultkit's has changed (a.py)"),
        (
            THEN | {"faultkit's:a.py": "9", "yours:ring.py": "9"},
            "yours has changed (ring.py); faultkit's has changed (a.py)",
        ),
        (THEN | {f"yours:{n}.py": "9" for n in range(6)}, "yours has changed (0.py, 1.py, 2.py, 3.py, 2 more)"),
    ],
)
def test_a_refusal_says_whose_code_has_changed(today: dict[str, str], says: str) -> None:
    assert told([{FILES: THEN}], [today]) == says


@pytest.mark.parametrize("recipe", [{}, {"first": {}}, {FILES: ["x"]}, "garbage", None])
def test_results_of_before_tell_nothing_of_it(recipe: Any) -> None:
    assert told([recipe], [THEN]) == ""


def test_what_is_ours_lies_in_our_packages() -> None:
    assert is_ours(same_names.HOME / "drivers" / "nbd" / "driver.py")
    assert not is_ours(same_names.HOME / "tests" / "own_driver" / "ringdriver.py")
    assert not is_ours(Path("/somewhere/drivers/nbd.py"))


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Blueprint:
    """The blueprint of the example's driver, whose module is not compiled."""
    module = tmp_path / "ring.ko"
    module.write_bytes(b"code")
    monkeypatch.setattr("faultkit.machine.payload.built", lambda *_: module)
    return blueprint(a_trial(driver=Ring(), monitors=(), fault=None, trigger=None), NOWHERE, Machine(), ())


def test_a_recipe_tells_the_code_of_each_owner(ring: Blueprint) -> None:
    files = recorded(ring)
    assert {"yours:tests/own_driver/ringdriver.py", "yours:modules/ring.ko", "faultkit's:faultkit/kit.py"} <= set(files)
    assert not [name for name in files if name.endswith(("spec.json", ":init"))]
    other = replace(ring, archive=archive([ArchiveMember("payload/faultkit/modules/ring.ko", b"other code")]))
    assert recorded(other)["yours:modules/ring.ko"] != files["yours:modules/ring.ko"]


def committed(folder: Path) -> str:
    """A repository with one commit; its revision."""
    folder.mkdir()
    (folder / "file.py").write_text("")
    run = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*run, *words], check=True)
    head = subprocess.run([*run, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
    return head.stdout.strip()


def test_the_revision_of_the_users_repository_is_recorded(ring: Blueprint, tmp_path: Path) -> None:
    head = committed(tmp_path / "mine")
    ours = replace(ring, golden=replace(ring.golden, driver=Nbd()))
    assert own_revisions([ours], tmp_path / "mine" / "file.py") == {"mine": head}
    (tmp_path / "mine" / "file.py").write_text("changed")
    assert own_revisions([ours], tmp_path / "mine" / "file.py") == {"mine": f"{head}+"}
    assert own_revisions([ours], None) == {}
    assert revision(tmp_path) is None, "it is no repository"
    assert [*own_revisions([ring], None).values()] == [revision(Path(__file__).parent)], "the driver's own"


def test_faultkits_revision_is_never_that_of_a_repository_around_its_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert faultkits_revision() == revision(same_names.HOME)
    committed(tmp_path / "mine")
    site = tmp_path / "mine" / ".venv" / "lib" / "site-packages"
    (site / "faultkit").mkdir(parents=True)
    (site / "faultkit" / "__init__.py").touch()
    monkeypatch.setattr(same_names, "HOME", site)
    sources: list[str | None] = [None, "{}", "garbage", json.dumps({"vcs_info": {"commit_id": "0123456789abcdef" * 2}})]
    told = []
    for source in sources:
        monkeypatch.setattr(
            code_changes, "distribution", lambda _, text=source: SimpleNamespace(read_text=lambda _: text)
        )
        told.append(faultkits_revision())
    assert told == [None, None, None, "0123456789ab"]
