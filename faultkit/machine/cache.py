"""The cache of built guests, templates and modules, each addressed by the hash of all that went into it.

`FAULTKIT_CACHE` overrides the place (default: `$XDG_CACHE_HOME/faultkit`), `FAULTKIT_CACHE_LIMIT` its size. An entry is
complete or absent: it is built beside its place and renamed into it. When something was built, entries that were used
longest ago are dropped until the cache is within its limit; an entry that a process holds is never dropped.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from faultkit.model.errors import HarnessError, UnmetNeed, UsageError

KINDS: Mapping[str, str] = {
    "guests": "kernel, initramfs and root of a guest",
    "templates": "frozen guests that trials are forked from",
    "modules": "kernel modules and programs built for the guest",
    "kernels": "modules of the guest's kernel that its root lacks",
    "surveys": "verdicts of the compiler on mutations",
    "tools": "scripts of the kernel's sources that check C",
    "sources": "drivers of the kernel's sources",
    "programs": "drivers' sources as `faultkit slice` reads them",
}
LIMIT = "20G"
SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", re.IGNORECASE)
UNITS = " KMGT"
GRACE_S = 600.0  # an entry that was used since then is not dropped unasked
ROOM_BYTES = 1 << 20  # with less left, a disk is full
BLOCK_BYTES = 512  # of st_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """An entry of the cache."""

    kind: str
    key: str
    path: Path
    size_bytes: int  # on disk: files with holes take less than their length
    used_s: float  # time stamp of the last use
    held: bool  # by a process


def place() -> Path:
    """The path of the cache, which need not exist."""
    base = os.environ.get("FAULTKIT_CACHE")
    return Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faultkit"


def root() -> Path:
    """The cache's directory, made if it is not there. Raises: UnmetNeed if it cannot be."""
    try:
        place().mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise UnmetNeed(f"the cache {place()} cannot be made ({reason.strerror}): set FAULTKIT_CACHE") from None
    return place()


def digest(*parts: str | bytes) -> str:
    """A short hash of several parts, in order."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """A short hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def limit_bytes() -> int:
    """The cache's size limit. Raises: UsageError if FAULTKIT_CACHE_LIMIT is no size."""
    return size(os.environ.get("FAULTKIT_CACHE_LIMIT") or LIMIT)


def size(text: str) -> int:
    """A number of bytes from "500M", "20G" or "1.5 GiB"; units are powers of 1024. Raises: UsageError."""
    found = SIZE.fullmatch(text.replace(" ", ""))
    if found is None:
        raise UsageError(f"{text!r} is no size: give a number of bytes, or one with K, M, G or T, such as {LIMIT}")
    return int(float(found[1]) * 1024 ** UNITS.index(found[2].upper() or " "))


def entry(kind: str, key: str, build: Callable[[Path], None], *, hold: bool = False) -> Path:
    """The directory of an entry; `build` fills it if it is not there. Two processes never build one at once.

    With `hold` it is not dropped as long as this process lives.
    Raises: HarnessError if the disk refuses, and what `build` raises.
    """
    target = root() / kind / key
    with lock(f"{kind}-{key}"):
        absent = not target.is_dir()
        if absent:
            fill(target, build)
        if hold:
            held(target, target.stat().st_ino)
    with suppress(OSError):
        os.utime(target)  # the time of the last use
    if absent:
        prune(limit_bytes(), unused_s=GRACE_S)
    return target


def fill(target: Path, build: Callable[[Path], None]) -> None:
    """Build an entry beside its place and rename it.

    Raises: HarnessError, also if the disk is full, however that shows (QEMU dies of SIGBUS); and what `build` raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        build(fresh)
        fresh.chmod(0o755)
        fresh.rename(target)
    except BaseException as reason:
        left = shutil.disk_usage(fresh).free
        shutil.rmtree(fresh, ignore_errors=True)
        what = f"{target.parent.name.removesuffix('s')} {target.name}"
        if left < ROOM_BYTES and isinstance(reason, (OSError, HarnessError)):
            raise HarnessError(
                f"the disk with the cache {root()} is full, so {what} cannot be built: "
                "free some space, or set FAULTKIT_CACHE to a place on another disk"
            ) from None
        if isinstance(reason, OSError):
            raise HarnessError(f"{what} cannot be built in {root()}: {reason.strerror or reason}") from None
        raise


def hold(kind: str, key: str) -> bool:
    """Keep an entry as long as this process lives; False if it is not there."""
    target = root() / kind / key
    with lock(f"{kind}-{key}"):
        if target.is_dir():
            held(target, target.stat().st_ino)
        return target.is_dir()


@functools.cache
def held(target: Path, inode: int) -> int:
    """Keep an entry as long as this process lives; `inode` tells it from one that is built later in its place."""
    del inode
    return keep(target)


def keep(target: Path) -> int:
    """A descriptor that, until it is closed, keeps an entry from being dropped."""
    descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def in_use(target: Path) -> bool:
    """True if a process keeps an entry."""
    descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def entries(kinds: Collection[str] = ()) -> list[CacheEntry]:
    """The entries of some kinds, or of all, the one that was used longest ago first."""
    folders = (place() / kind for kind in kinds or KINDS)
    found = (entry_at(path) for folder in folders for path in folder.glob("[!.]*"))
    return sorted((each for each in found if each), key=lambda each: (each.used_s, each.kind, each.key))


def entry_at(path: Path) -> CacheEntry | None:
    """The entry in a directory; None if it is gone, or is none."""
    try:
        used_s, bytes_on_disk = path.stat().st_mtime, disk_bytes(path)
        return CacheEntry(
            kind=path.parent.name, key=path.name, path=path, size_bytes=bytes_on_disk, used_s=used_s, held=in_use(path)
        )
    except (FileNotFoundError, NotADirectoryError):
        return None


def disk_bytes(path: Path) -> int:
    """The disk space that a directory's files take."""
    return sum(file.lstat().st_blocks for file in path.rglob("*")) * BLOCK_BYTES


def prune(limit: int, *, kinds: Collection[str] = (), unused_s: float = 0.0, dry_run: bool = False) -> list[CacheEntry]:
    """Drop entries of some kinds, or of all, that were not used for a time, until all of these kinds fit a limit.

    The one that was used longest ago goes first; one that a process holds stays. Returns those that were dropped.
    """
    if not dry_run:
        clear_leftovers()
    found = entries(kinds)
    total, newest, gone = sum(each.size_bytes for each in found), time.time() - unused_s, list[CacheEntry]()
    for each in found:
        if total > limit and each.used_s <= newest and not each.held and (dry_run or drop(each.path)):
            gone.append(each)
            total -= each.size_bytes
    return gone


def drop(path: Path) -> bool:
    """Drop an entry, unless it is held or being built; says whether it is gone."""
    with lock(f"{path.parent.name}-{path.name}", wait=False) as mine:
        if not mine or not path.is_dir() or in_use(path):
            return False
        doomed = path.with_name(f".{path.name}-dropped")  # never half an entry in an entry's place
        path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        return True


def clear_leftovers() -> None:
    """Remove what interrupted builds left behind."""
    for half in (path for kind in KINDS for path in (place() / kind).glob(".*-*")):
        key = half.name[1:].rpartition("-")[0]
        with lock(f"{half.parent.name}-{key}", wait=False) as mine:
            if mine:
                shutil.rmtree(half, ignore_errors=True)


@contextmanager
def lock(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock among processes, until the process ends at the latest; yields whether it was got."""
    locks = root() / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
