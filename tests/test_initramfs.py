"""Archives that the kernel, and cpio, can read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.machine.initramfs import ArchiveMember, archive, with_folders

FILES = [
    ArchiveMember("bin/tool", b"#!/bin/sh\n", 0o755),
    ArchiveMember("a/b/c.txt", b"12345"),
    ArchiveMember("a/empty", b""),
    ArchiveMember("z", b"x" * 4097),
]


def members(data: bytes) -> list[tuple[str, int, bytes]]:
    """Name, mode and content of each member, by the kernel's rules."""
    found: list[tuple[str, int, bytes]] = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        assert data[at + 110 + name_size - 1] == 0
        start = at + (110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found.append((name, mode, data[start : start + size]))
        at = start + (size + 3) // 4 * 4


def test_files_and_folders_come_back() -> None:
    found = members(archive(with_folders(FILES)))
    assert [(name, data) for name, mode, data in found if mode & 0o100000] == [
        (e.name, e.data) for e in sorted(FILES, key=lambda e: e.name)
    ]
    assert [name for name, mode, _ in found if mode & 0o040000] == ["a", "a/b", "bin"]
    assert {name: mode & 0o7777 for name, mode, _ in found}["bin/tool"] == 0o755


def test_each_folder_comes_once_and_before_what_lies_in_it() -> None:
    names = [entry.name for entry in with_folders(FILES)]
    assert len(set(names)) == len(names)
    for at, name in enumerate(names):
        if "/" in name:
            assert name.rpartition("/")[0] in names[:at]


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_cpio_unpacks_it(tmp_path: Path) -> None:
    data = archive(with_folders(FILES))
    listed = subprocess.run(["cpio", "-t", "--quiet"], input=data, capture_output=True, check=True).stdout.decode()
    assert listed.split() == [entry.name for entry in with_folders(FILES)]
    subprocess.run(["cpio", "-id", "--quiet"], input=data, cwd=tmp_path, capture_output=True, check=True)
    assert {e.name: (tmp_path / e.name).read_bytes() for e in FILES} == {e.name: e.data for e in FILES}


@given(st.permutations(FILES))
def test_every_byte_depends_on_content_alone(shuffled: list[ArchiveMember]) -> None:
    assert archive(with_folders(shuffled)) == archive(with_folders(FILES))


@given(st.dictionaries(st.text("abc/", min_size=1, max_size=8), st.binary(max_size=600)))
def test_another_archive_may_follow(files: dict[str, bytes]) -> None:
    data = archive(ArchiveMember(name, content) for name, content in files.items())
    assert len(data) % 512 == 0
    assert {name: content for name, _, content in members(data)} == files


def test_other_content_is_another_archive() -> None:
    assert (
        archive([ArchiveMember("a", b"1")])
        != archive([ArchiveMember("a", b"2")])
        != archive([ArchiveMember("b", b"2")])
    )
