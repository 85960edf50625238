"""The claim of one process on a results' directory, for as long as it runs a campaign there.

It is a lock on the directory itself, which the kernel drops with the process: nothing is left behind that could be
mistaken for a claim.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faultkit.model.errors import UsageError
from faultkit.store.database import translated

LOCKS = Path("/proc/locks")  # "12: FLOCK  ADVISORY  WRITE 4711 fe:00:2410434 0 EOF"


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold the claim on a directory, which is made; one that is empty at the end goes again.

    Raises: UsageError that names the process that has the claim, HarnessError if there can be no directory.
    """
    with translated(directory):
        absent = [each for each in (directory, *directory.parents) if not each.exists()]
        descriptor = locked(directory)
    try:
        yield
    finally:
        with suppress(OSError):  # the first that is not empty
            for made in absent:
                made.rmdir()
        os.close(descriptor)


def locked(directory: Path) -> int:
    """A descriptor that holds the lock on a directory. Raises: UsageError, OSError."""
    while True:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UsageError(f"{directory} belongs to a campaign that runs: {named(claimant(directory))}") from None
        if there(directory, descriptor):
            return descriptor
        os.close(descriptor)  # its last owner has removed it just now


def there(directory: Path, descriptor: int) -> bool:
    """Say if a directory is still the one that was opened."""
    with suppress(FileNotFoundError):
        return os.path.samestat(directory.stat(), os.fstat(descriptor))
    return False


def is_claimed(directory: Path) -> bool:
    """Say if a process of this machine runs a campaign into a directory. Takes no lock, which could refuse another."""
    return directory.is_dir() and claimant(directory) is not None


def claimant(directory: Path) -> int | None:
    """The number of the process that has the claim on a directory; None if the kernel does not tell."""
    inode = str(directory.stat().st_ino)
    with suppress(OSError):
        for line in LOCKS.read_text().splitlines():
            _, kind, _, access, pid, place, *_ = [word for word in line.split() if word != "->"]
            if (kind, access, place.rpartition(":")[2]) == ("FLOCK", "WRITE", inode) and has_open(int(pid), directory):
                return int(pid)
    return None


def has_open(pid: int, directory: Path) -> bool:
    """Say if a process has a directory open: another file system may have a file with the same number."""
    try:
        return any(os.path.samestat(fd.stat(), directory.stat()) for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it is another user's
        return True


def named(pid: int | None) -> str:
    """The process in a sentence about what to do."""
    if pid is None:
        return "wait for its end"
    return f"process {pid} ({command_of(pid)}); wait for its end, or end it by `kill {pid}`"


def command_of(pid: int) -> str:
    """The command line of a process, shortened."""
    words = b""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    text = " ".join(words.decode(errors="replace").replace("\0", " ").split())
    return f"{text[:77]}..." if len(text) > 80 else text or "unknown"
