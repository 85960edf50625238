"""cpio archives as the kernel unpacks them at boot.

"newc", as in Documentation/driver-api/early-userspace/buffer-format.rst.

Written here because every byte must depend on content alone: times, owners and inodes are constants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DIRECTORY, REGULAR = 0o040000, 0o100000
MAGIC, TRAILER, BLOCK = b"070701", "TRAILER!!!", 512
HEADER_BYTES = 110  # the magic, and thirteen fields of eight hexadecimal digits
SIZE_AT, NAME_LENGTH_AT = 54, 94


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file of an archive, or a directory if `data` is None."""

    name: str
    data: bytes | None = None
    mode: int = 0o644


def archive(entries: Iterable[ArchiveMember]) -> bytes:
    """The archive, uncompressed, padded so that another may follow it."""
    members = [member(number, entry) for number, entry in enumerate(entries, 1)]
    data = b"".join([*members, member(0, ArchiveMember(TRAILER, b"", 0))])
    return data + bytes(-len(data) % BLOCK)


def member(number: int, entry: ArchiveMember) -> bytes:
    """A member of the archive: header, name and content, each padded to four bytes."""
    data = entry.data or b""
    kind = DIRECTORY | 0o755 if entry.data is None else (REGULAR | entry.mode if number else 0)
    name = entry.name.encode() + b"\0"
    # magic, inode, mode, uid, gid, links, mtime, size, device (4 fields), name's length, checksum
    fields = (number, kind, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = MAGIC + b"".join(b"%08x" % field for field in fields) + name
    return padded(head) + padded(data)


def padded(data: bytes) -> bytes:
    """`data` and zeros up to a multiple of four."""
    return data + bytes(-len(data) % 4)


def files_of(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of an archive that `archive` made, or of several in a row."""
    at = 0
    while data[at : at + len(MAGIC)] == MAGIC:
        size, length = (int(data[at + field : at + field + 8], 16) for field in (SIZE_AT, NAME_LENGTH_AT))
        begins = padded_size(at + HEADER_BYTES + length)
        name = data[at + HEADER_BYTES : at + HEADER_BYTES + length - 1].decode()
        at = padded_size(begins + size)
        if name == TRAILER:
            at = -(-at // BLOCK) * BLOCK
        elif size:
            yield name, data[begins : begins + size]


def padded_size(size: int) -> int:
    """A size, up to the next multiple of four."""
    return size + -size % 4


def with_folders(files: Iterable[ArchiveMember]) -> list[ArchiveMember]:
    """The files, each behind the directories that it lies in."""
    made: set[str] = set()
    result = []
    for entry in sorted(files, key=lambda e: e.name):
        parts = entry.name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in made:
                made.add(folder)
                result.append(ArchiveMember(folder))
        result.append(entry)
    return result
