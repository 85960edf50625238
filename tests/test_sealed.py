"""Sealed copies of files: the same bytes with the same holes, which nobody can change."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from faultkit.machine.sealed import KEPT, kept, sealed

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with data, a hole, data, and a hole at the end."""
    path = tmp_path / "ram"
    with path.open("wb") as made:
        made.write(b"first")
        made.seek(3 * MIB)
        made.write(os.urandom(MIB + 7))
        made.truncate(8 * MIB)
    return path


def test_a_copy_has_the_bytes_and_the_holes(file: Path) -> None:
    fd = sealed(file).fd
    assert os.pread(fd, 9 * MIB, 0) == file.read_bytes()
    assert os.fstat(fd).st_blocks * 512 < 3 * MIB


def test_nobody_can_change_a_copy_but_privately(file: Path) -> None:
    copy = sealed(file)
    fd = os.open(f"/proc/self/fd/{copy.fd}", os.O_RDWR)
    for change in (lambda: os.write(fd, b"x"), lambda: os.ftruncate(fd, 1), lambda: os.ftruncate(fd, 9 * MIB),
                   lambda: mmap.mmap(fd, MIB), lambda: os.pwrite(copy.fd, b"x", 0)):  # fmt: skip
        with pytest.raises(PermissionError):
            change()
    with mmap.mmap(fd, MIB, flags=mmap.MAP_PRIVATE) as mine:
        mine[:5] = b"other"
    assert os.pread(fd, 5, 0) == b"first"
    os.close(fd)


def test_a_file_is_copied_once_until_it_changes_and_few_copies_are_kept(file: Path, tmp_path: Path) -> None:
    kept.cache_clear()
    first = sealed(file)
    assert sealed(file) is first
    os.utime(file, ns=(1, 1))
    assert sealed(file) is not first
    before = len(list(Path("/proc/self/fd").iterdir()))
    for n in range(2 * KEPT):
        (tmp_path / str(n)).write_bytes(b"x")
        sealed(tmp_path / str(n))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + KEPT
    assert os.pread(first.fd, 5, 0) == b"first", "who has a copy keeps it"


def test_an_empty_file_has_a_copy(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert os.fstat(sealed(tmp_path / "empty").fd).st_size == 0
