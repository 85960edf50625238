"""Versions of the guest's packages: read, pinned, compared, and told where a recorded guest cannot be built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from faultkit.cli.campaigns import Asked, guest_for
from faultkit.machine import image, image_build
from faultkit.machine.image import Image
from faultkit.machine.packages import MOST_DIFFERENCES, differences, differences_text, installed, preferences
from faultkit.machine.qemu import Machine
from faultkit.model.errors import UnmetNeed
from faultkit.running.experiment import Experiment
from faultkit.running.replay import recorded_image
from faultkit.store.store import Store
from tests.synthetic import meta

STATUS = """Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib
Version: 1:1.2.13.dfsg-1
Description: compression library
 Version: this line is not one

Package: adduser
Status: install ok installed
Version: 3.134
"""
THEN = {"bash": "5.2-1", "kmod": "30-1", "nbdkit": "1.32-1"}
NOW = {"bash": "5.2-2", "kmod": "30-1", "strace": "6.1"}
HASHES = {"vmlinuz": "a", "initramfs": "b", "root.sqfs": "c"}


def an_image(place: Path, key: str, kernel: str = "6.12.1-amd64", **facts: Any) -> Image:
    """An image in the cache."""
    path = place / "guests" / f"recipe-{key}"
    path.mkdir(parents=True)
    (path / "image.json").write_text(json.dumps({"kernel": kernel, "key": key, "doors": [1, 2], **facts}))
    return Image.at(path)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own, and a machine with headers of a kernel."""
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image, "HEADERS", tmp_path / "src")
    (tmp_path / "src" / "linux-headers-6.12.1-amd64").mkdir(parents=True)
    return tmp_path / "cache"


def test_versions_are_read_from_dpkgs_status() -> None:
    assert installed(STATUS) == {"adduser": "3.134", "zlib1g": "1:1.2.13.dfsg-1"}


def test_every_version_is_pinned_above_the_newest() -> None:
    assert preferences({"bash": "5.2-1", "kmod": "30-1"}).split("\n\n") == [
        "Package: bash\nPin: version 5.2-1\nPin-Priority: 1001",
        "Package: kmod\nPin: version 30-1\nPin-Priority: 1001\n",
    ]


def test_each_package_that_differs_is_told() -> None:
    assert [*differences(THEN, NOW)] == [
        "bash: 5.2-1 then, 5.2-2 now",
        "nbdkit: 1.32-1 then, absent now",
        "strace: absent then, 6.1 now",
    ]
    assert [*differences(THEN, THEN)] == [] and differences_text(THEN, THEN) == ""


def test_a_long_list_is_cut_and_counted() -> None:
    text = differences_text({f"p{n:03}": "1" for n in range(170)}, {f"p{n:03}": "2" for n in range(170)})
    assert text.count(" then, ") == MOST_DIFFERENCES and text.endswith(f"; and {170 - MOST_DIFFERENCES} more")
    assert len(text) < 1000
    exact = {f"p{n:03}": "1" for n in range(MOST_DIFFERENCES)}
    assert "more" not in differences_text(exact, {})


def test_a_recorded_guest_is_found_in_the_cache(place: Path) -> None:
    an_image(place, "other")
    wanted = an_image(place, "wanted")
    assert image.recorded_guest("wanted", "6.12.1-amd64", {}, {}) == wanted


def test_without_versions_a_guest_cannot_be_built_again() -> None:
    with pytest.raises(
        UnmetNeed, match=r"wanted \(6.12.1-amd64\) is not in the cache, and no versions of its packages"
    ):
        image.recorded_guest("wanted", "6.12.1-amd64", {}, {})


def test_a_kernel_without_headers_is_asked_for() -> None:
    with pytest.raises(UnmetNeed, match=r"wanted needs .*: apt-get install linux-headers-6.12.9-amd64$"):
        image.recorded_guest("wanted", "6.12.9-amd64", HASHES, THEN)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The builds that were asked for; each makes a guest of the archive's packages of now."""
    asked: list[tuple[str, Any]] = []

    def build(place: Path, kernel: str, pins: Any, extra: Any) -> dict[str, str]:
        asked.append((kernel, pins))
        for name in image_build.FILES:
            (place / name).write_text(f"{name} of {NOW | pins}")
        return NOW

    monkeypatch.setattr(image_build, "build_guest", build)
    monkeypatch.setattr(image_build, "check_tools", lambda: None)
    monkeypatch.setattr(image_build, "find_doors", lambda _: [1, 2])
    return asked


def test_a_guest_is_built_from_the_recorded_packages(builds: list[tuple[str, Any]]) -> None:
    built = image.image("6.12.1-amd64", NOW)
    again = image.recorded_guest(built.key, "6.12.1-amd64", built.hashes, built.packages)
    assert again == built and builds == [("6.12.1-amd64", NOW)], "it is in the cache"
    assert built.packages == NOW and set(built.hashes) == set(HASHES)


def test_what_the_archive_has_no_more_is_told_package_by_package(builds: list[tuple[str, Any]]) -> None:
    with pytest.raises(UnmetNeed) as told:
        image.recorded_guest("wanted", "6.12.1-amd64", HASHES, THEN)
    assert builds == [("6.12.1-amd64", THEN)]
    assert str(told.value) == (
        "the guest wanted cannot be built here: the archive has other packages: bash: 5.2-1 then, 5.2-2 now; "
        "nbdkit: 1.32-1 then, absent now; strace: absent then, 6.1 now"
    )


@pytest.mark.usefixtures("builds")
def test_the_same_packages_built_otherwise_are_told_file_by_file() -> None:
    built = image.image("6.12.1-amd64", NOW)
    with pytest.raises(
        UnmetNeed, match=r"the packages are the same, but not root\.sqfs: it was built by another version"
    ):
        image.recorded_guest("wanted", "6.12.1-amd64", {**built.hashes, "root.sqfs": "another"}, NOW)


def test_the_kernel_and_pins_are_part_of_a_guests_address(builds: list[tuple[str, Any]]) -> None:
    paths = {image.image("6.12.1-amd64", pins).path for pins in (None, {}, THEN, NOW)}
    assert len(paths) == 3 and len(builds) == 3


def test_more_packages_make_another_guest_and_their_order_none(builds: list[tuple[str, Any]]) -> None:
    more = ((), ("gdb",), ("gdb", "strace"), ("strace", "gdb"))
    paths = [image.image("6.12.1-amd64", extra=names).path for names in more]
    assert len(set(paths)) == 3 and paths[2] == paths[3] and len(builds) == 3


def test_a_campaigns_guest_is_the_one_at_hand_or_the_recorded_one(place: Path, tmp_path: Path) -> None:
    old, new = an_image(place, "old"), an_image(place, "new")
    facts = {**meta(1), "image": "old", "kernel": "6.12.1-amd64"}
    with Store.create(tmp_path / "run", facts) as store:
        assert recorded_image(store, old) is old
        assert recorded_image(store, new) == old
        store.set_meta("image", "gone")
        with pytest.raises(UnmetNeed, match=r"run was run on another guest: the guest gone \(6.12.1-amd64\) is not in"):
            recorded_image(store, new)


def test_a_campaign_goes_on_with_the_guest_that_it_began_on(
    place: Path, tmp_path: Path, builds: list[tuple[str, Any]]
) -> None:
    built = image.image("6.12.1-amd64", THEN)
    facts = {"image": built.key, "kernel": built.kernel, "image_hashes": dict(built.hashes), "image_packages": THEN}
    Store.create(tmp_path / "begun", meta(3) | facts).__exit__()

    def guest(out: str, *, resume: bool) -> Image:
        asked = Asked(
            experiment=Experiment("mine", "", lambda seed: ()), seed=1, count=None, jobs=1, out=tmp_path / out,
            resume=resume, dry_run=False, again=None, machine=Machine(),
        )  # fmt: skip
        return guest_for(asked, Console(quiet=True))

    newest = guest("new", resume=False)
    assert newest.path != built.path and builds[-1] != ("6.12.1-amd64", THEN)
    assert guest("absent", resume=True) == newest
    assert guest("begun", resume=True).path == built.path
    shutil.rmtree(place / "guests")
    assert guest("begun", resume=True).key == built.key and builds[-1] == ("6.12.1-amd64", THEN)
