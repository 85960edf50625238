"""What the cache keeps, and what it drops."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from faultkit.machine import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path))


def an_entry(key: str, age_s: int, *, hold: bool = False) -> Path:
    path = cache.entry("things", key, lambda place: (place / "content").touch(), hold=hold)
    os.utime(path, (10_000 - age_s, 10_000 - age_s))
    return path


def test_the_entries_used_last_are_kept() -> None:
    entries = [an_entry(f"{n}", age_s=n) for n in range(5)]
    cache.prune("things", 2)
    assert [entry.exists() for entry in entries] == [True, True, False, False, False]


def test_what_a_process_uses_is_kept_however_old_it_is() -> None:
    old, held, new = an_entry("a", 30), an_entry("b", 20, hold=True), an_entry("c", 10)
    cache.prune("things", 1)
    assert (old.exists(), held.exists(), new.exists()) == (False, True, True)


def test_what_nobody_uses_any_more_is_dropped() -> None:
    old, _ = an_entry("a", 20), an_entry("b", 10)
    descriptor = cache.keep(old)
    cache.prune("things", 1)
    assert old.exists()
    os.close(descriptor)
    cache.prune("things", 1)
    assert not old.exists()


def test_what_is_being_built_is_not_dropped() -> None:
    def build(place: Path) -> None:
        cache.prune("things", 0)
        assert place.is_dir()

    assert cache.entry("things", "a", build).is_dir()


def test_an_entry_is_held_once_a_process_however_often_it_is_asked_for() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    an_entry("a", 10, hold=True)
    before = descriptors()
    for _ in range(20):
        an_entry("a", 10, hold=True)
    assert descriptors() == before


def test_an_entry_that_was_built_again_is_held_again() -> None:
    shutil.rmtree(an_entry("a", 10, hold=True))
    (cache.root() / "others").mkdir()  # takes the directory's inode number, if it is free
    again = an_entry("a", 10, hold=True)
    cache.prune("things", 0)
    assert again.exists()
