"""Copies of files in memory, sealed: no process can change them, whoever holds them open for writing.

A template's RAM is such a copy for its forks. QEMU 7.2 opens a file for writing also where it maps it privately; one
fork that was taken over could poison all later trials. A process copies a template's RAM once, which takes some
tenths of a second, and keeps the copies that it used last.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import weakref
from functools import lru_cache
from pathlib import Path

KEPT = 3  # copies, of some 400 MB each
LOCK = threading.Lock()  # two trials that begin at once share one copy


class SealedCopy:
    """A file in memory that nobody can write to, shorten or lengthen; it is gone with its last user."""

    def __init__(self, path: Path) -> None:
        self.fd = os.memfd_create(f"sealed-{path.name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        weakref.finalize(self, os.close, self.fd)
        copy_data(path, self.fd)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)


def sealed(path: Path) -> SealedCopy:
    """A sealed copy of a file as it is now. Raises: OSError, also for a want of memory."""
    status = path.stat()
    with LOCK:
        return kept(path, status.st_ino, status.st_mtime_ns)


@lru_cache(maxsize=KEPT)
def kept(path: Path, inode: int, changed_ns: int) -> SealedCopy:
    """A copy; `inode` and `changed_ns` tell the file from others that had or will have its path."""
    del inode, changed_ns
    return SealedCopy(path)


def copy_data(path: Path, target: int) -> None:
    """Copy a file with its holes. Raises: OSError."""
    with path.open("rb") as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        os.ftruncate(target, size)
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as reason:
                if reason.errno == errno.ENXIO:  # no data behind
                    return
                raise
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            os.lseek(target, at, os.SEEK_SET)
            while at < end:
                if not (count := os.sendfile(target, file.fileno(), at, end - at)):
                    raise OSError(errno.EIO, f"{path} became shorter while it was read")
                at += count
