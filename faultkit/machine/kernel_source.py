"""Files of the kernel's sources, unpacked from Debian's package linux-source-6.12 into the cache."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from faultkit.machine import cache
from faultkit.model.errors import HarnessError, UnmetNeed

ARCHIVE = Path("/usr/src/linux-source-6.12.tar.xz")
TOP = "linux-source-6.12"


def unpacked(patterns: Sequence[str], without: Sequence[str] = (), *, kind: str = "tools") -> Path:
    """The directory in the cache with the files that match a pattern of tar's; paths begin below the kernel's top.

    Raises: UnmetNeed if the sources are not installed; HarnessError if the archive has no such files.
    """
    if not ARCHIVE.exists():
        raise UnmetNeed(f"{ARCHIVE} is not there: apt-get install linux-source-6.12")
    made = ARCHIVE.stat()
    key = cache.digest(str(made.st_size), str(made.st_mtime_ns), *patterns, "without", *without)
    return cache.entry(kind, key, lambda place: unpack(place, patterns, without))


def unpack(place: Path, patterns: Sequence[str], without: Sequence[str]) -> None:
    """Unpack files into a directory. Raises: HarnessError with the words of tar."""
    excluded = [f"--exclude={TOP}/{name}" for name in without]
    how = "--wildcards" if any("*" in pattern for pattern in patterns) else "--occurrence=1"  # tar may stop early
    command = ["tar", "-xJf", str(ARCHIVE), "-C", str(place), "--strip-components=1", how, *excluded]
    wanted = [f"{TOP}/{pattern}" for pattern in patterns]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(f"{ARCHIVE} cannot be unpacked: {done.stderr.strip()}")
