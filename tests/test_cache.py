"""The entries that the cache keeps, and those that it drops."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtRequest, Nothing, Trial
from faultkit.cli import cli
from faultkit.machine import cache, template
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.model.errors import HarnessError, UsageError
from faultkit.running.campaign import Campaign, blueprints_of, prepare
from faultkit.running.experiment import Experiment, plan
from injectors.udriver.kill import Kill
from tests.records import Silence

KIB = 1024
BLOCK = 4096
HOLD = """
import sys
from faultkit.machine import cache
print(cache.hold(*sys.argv[1:]), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path))
    monkeypatch.delenv("FAULTKIT_CACHE_LIMIT", raising=False)


def an_entry(key: str, age_s: float, *, kind: str = "templates", kib: int = 64, hold: bool = False) -> Path:
    """An entry of a size that was used some time ago."""
    path = cache.entry(kind, key, lambda place: fill(place, kib), hold=hold)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def fill(place: Path, kib: int) -> None:
    (place / "content").write_bytes(os.urandom(kib * KIB))


def there(*entries: Path) -> list[bool]:
    return [entry.exists() for entry in entries]


@pytest.fixture
def another_process() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that end with the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.communicate()


def held_by_another(processes: list[subprocess.Popen[str]], kind: str, key: str) -> str:
    """Let a process hold an entry; what hold() said."""
    command = [sys.executable, "-c", HOLD, kind, key]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    processes.append(process)
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_entries_used_last_are_kept_within_the_limit() -> None:
    entries = [an_entry(f"{n}", age_s=n) for n in range(5)]
    gone = cache.prune(2 * 64 * KIB)
    assert there(*entries) == [True, True, False, False, False]
    assert [each.path for each in gone] == entries[:1:-1]


def test_nothing_is_dropped_below_the_limit() -> None:
    entries = [an_entry(f"{n}", age_s=n) for n in range(3)]
    assert cache.prune(3 * 64 * KIB) == [] and all(there(*entries))


def test_what_a_process_uses_is_kept_however_old_it_is_and_large() -> None:
    old, held, new = an_entry("a", 30), an_entry("b", 20, kib=256, hold=True), an_entry("c", 10)
    cache.prune(0)
    assert there(old, held, new) == [False, True, False]


def test_what_another_process_holds_is_kept_until_it_ends(another_process: list[subprocess.Popen[str]]) -> None:
    old, held = an_entry("a", 30), an_entry("b", 20)
    assert held_by_another(another_process, "templates", "b") == "True"
    assert held_by_another(another_process, "templates", "nothing") == "False"
    cache.prune(0)
    assert there(old, held) == [False, True]
    for process in another_process:
        process.communicate()
    cache.prune(0)
    assert there(held) == [False]


def test_what_nobody_uses_any_more_is_dropped() -> None:
    old = an_entry("a", 20)
    descriptor = cache.keep(old)
    cache.prune(0)
    assert old.exists()
    os.close(descriptor)
    cache.prune(0)
    assert not old.exists()


def test_what_is_being_built_is_not_dropped() -> None:
    def build(place: Path) -> None:
        cache.prune(0)
        assert place.is_dir()

    assert cache.entry("templates", "a", build).is_dir()


def test_what_an_interrupted_build_left_behind_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "guests" / ".abc-x1y2"
    left.mkdir(parents=True)
    cache.prune(1 << 40, dry_run=True)
    assert left.exists()
    cache.prune(1 << 40)
    assert not left.exists()


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def build(place: Path) -> None:
        (place / "half").touch()
        raise OSError(28, "No space left on device")

    with pytest.raises(HarnessError, match=r"^template abc cannot be built in .*: No space left on device$"):
        cache.entry("templates", "abc", build)
    assert list((tmp_path / "templates").iterdir()) == []


def test_building_keeps_the_cache_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTKIT_CACHE_LIMIT", "200K")
    old, held = an_entry("a", 9000), an_entry("b", 8000, hold=True)
    used_now = an_entry("c", 5)
    assert all(there(old, held, used_now))
    new = an_entry("d", 0)
    assert there(old, held, used_now, new) == [False, True, True, True]
    an_entry("e", 0, kib=400)
    assert there(held, used_now, new) == [True, True, True], "those used a moment ago may be needed at once"


def test_an_entry_is_held_once_a_process_however_often_it_is_asked_for() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    an_entry("a", 10, hold=True)
    before = descriptors()
    for _ in range(20):
        an_entry("a", 10, hold=True)
        assert cache.hold("templates", "a")
    assert descriptors() == before


def test_an_entry_that_was_built_again_is_held_again() -> None:
    shutil.rmtree(an_entry("a", 10, hold=True))
    again = an_entry("a", 10, hold=True)
    cache.prune(0)
    assert again.exists()


@pytest.mark.parametrize(
    ("text", "count"),
    [("0", 0), ("4096", 4096), ("1K", 1024), ("1.5G", 3 << 29), ("20 GiB", 20 << 30), ("2tb", 2 << 40), ("7B", 7)],
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert cache.size(text) == count


@pytest.mark.parametrize("text", ["", "G", "-1G", "1X", "1G2", "many"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no size: give a number of bytes"):
        cache.size(text)


def test_the_limit_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.limit_bytes() == 20 << 30
    monkeypatch.setenv("FAULTKIT_CACHE_LIMIT", "3G")
    assert cache.limit_bytes() == 3 << 30


def asked(*words: str) -> Any:
    """The output of `faultkit cache ... --json`."""
    done = CliRunner().invoke(cli, ["cache", *words, "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def test_the_list_tells_size_last_use_and_whether_it_is_in_use(tmp_path: Path) -> None:
    with (an_entry("a", 30) / "holes").open("wb") as file:
        file.truncate(1 << 30)
    an_entry("b", 20, kind="guests", kib=128, hold=True)
    found = asked()
    assert found["place"] == str(tmp_path) and found["limit_bytes"] == 20 << 30
    assert [(e["kind"], e["key"], e["in_use"]) for e in found["entries"]] == [
        ("templates", "a", False), ("guests", "b", True),
    ]  # fmt: skip  # writing to the first was a use
    sizes = [entry["size_bytes"] for entry in found["entries"]]
    assert 64 * KIB <= sizes[0] <= 64 * KIB + 2 * BLOCK and 128 * KIB <= sizes[1] <= 128 * KIB + 2 * BLOCK
    assert found["size_bytes"] == sum(sizes)
    assert abs(found["entries"][1]["used_s"] - (time.time() - 20)) < 5
    text = CliRunner().invoke(cli, ["cache"]).stdout
    assert "64 KiB" in text and "yes" in text and f"2 entries, 192 KiB of 20 GiB in {tmp_path}" in text


def test_pruning_is_by_kind_by_age_and_by_size() -> None:
    day = 86400
    a, b = an_entry("a", 9 * day), an_entry("b", 2 * day)
    c, d = an_entry("c", 9 * day, kind="modules"), an_entry("d", 1, kind="modules")
    would = asked("prune", "--kind", "templates", "--days", "7", "--dry-run")
    assert [entry["key"] for entry in would["dropped"]] == ["a"] and all(there(a, b, c, d))
    assert len(would["entries"]) == 2
    asked("prune", "--kind", "templates", "--days", "7")
    assert there(a, b, c, d) == [False, True, True, True]
    dropped = asked("prune", "--limit", "100K")["dropped"]
    assert [entry["key"] for entry in dropped] == ["c", "b"] and there(d) == [True]


def test_prune_alone_keeps_to_the_environments_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = an_entry("a", 30), an_entry("b", 20)
    assert asked("prune")["dropped"] == []
    monkeypatch.setenv("FAULTKIT_CACHE_LIMIT", "100K")
    assert [entry["key"] for entry in asked("prune")["dropped"]] == ["a"] and there(old, new) == [False, True]


def test_an_empty_cache_is_listed_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path / "nowhere"))
    assert asked()["entries"] == [] and not (tmp_path / "nowhere").exists()


def test_the_list_takes_no_options_of_prune() -> None:
    done = CliRunner().invoke(cli, ["cache", "--limit", "1G"], standalone_mode=False)
    assert isinstance(done.exception, UsageError) and "faultkit cache prune" in str(done.exception)


def test_a_digest_tells_where_one_part_ends_and_the_next_begins() -> None:
    assert len({cache.digest("ab", "c"), cache.digest("a", "bc"), cache.digest("abc"), cache.digest("abc", "")}) == 4


def test_a_template_that_a_campaign_needs_is_not_dropped_while_it_prepares_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each build ends with as small a cache as can be; the second template is there from an earlier campaign."""

    def on(driver: Nbd) -> Trial:
        return Trial(driver=driver, workload=VerifiedIO(), policy=Nothing(), seed=1, fault=Kill(), trigger=AtRequest(1))

    def build(place: Path, image: Image, machine: Machine, archive: bytes, golden: Trial) -> None:
        del image, machine, archive
        built.append(golden.driver)
        fill(place, 64)
        cache.prune(0)

    built: list[Any] = []
    monkeypatch.setattr(template, "prepare", build)
    drivers = (Nbd(), Nbd(hold_s=0))
    asked = Experiment("mine", "", lambda seed: map(on, drivers))
    campaign = Campaign(
        experiment=asked, plan=plan(asked, 1, None), seed=1, count=None, jobs=1, machine=Machine(),
        image=Image(tmp_path / "nowhere", "6.12", "key", (0, 0)),
    )  # fmt: skip
    *_, group = campaign.plan.groups.values()
    second = template.blueprint(group.first, campaign.image, campaign.machine, group.parts.values())
    an_entry(second.key, 3600)
    assert [each.path.exists() for each in prepare(campaign, blueprints_of(campaign), Silence()).values()] == [
        True,
        True,
    ]
    assert built == [drivers[0]], "the second was kept"
