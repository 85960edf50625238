"""Where built guests and templates are kept between runs, each addressed by the hash of all that went into it.

`FAULTKIT_CACHE` overrides the place (default: `$XDG_CACHE_HOME/faultkit`). An entry is complete or absent:
it is built beside its place and renamed into it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from faultkit.model.errors import HarnessError, UnmetNeed


def place() -> Path:
    """Where the cache is, or would be."""
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


def entry(kind: str, key: str, build: Callable[[Path], None], *, hold: bool = False) -> Path:
    """The directory of an entry; `build` fills it if it is not there. Two processes never build one at once.

    With `hold` nobody prunes it as long as this process lives.
    Raises: HarnessError if the disk refuses, and what `build` raises.
    """
    target = root() / kind / key
    with lock(f"{kind}-{key}"):
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=target.parent))
            try:
                build(fresh)
                fresh.chmod(0o755)
                fresh.rename(target)
            except OSError as reason:
                shutil.rmtree(fresh, ignore_errors=True)
                why = reason.strerror or reason
                raise HarnessError(f"{kind[:-1]} {key} cannot be built in {root()}: {why}") from None
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        if hold:
            held(target, target.stat().st_ino)
    with suppress(OSError):
        os.utime(target)  # `prune` keeps what was used last
    return target


def keep(target: Path) -> int:
    """A descriptor that, until it is closed, keeps an entry from being pruned."""
    descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@cache
def held(target: Path, inode: int) -> int:
    """Keep an entry until this process ends; `inode` tells it from one that is built later in its place."""
    del inode
    return keep(target)


def in_use(target: Path) -> bool:
    """Whether a process keeps an entry."""
    descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def prune(kind: str, count: int, spare: Iterable[Path] = ()) -> None:
    """Drop all but the `count` entries used last and those in use, and what an interrupted build left behind."""
    folder = root() / kind
    if not folder.is_dir():
        return
    spared = set(spare)
    entries = sorted((p for p in folder.iterdir() if p.name[0] != "."), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in entries[count:]:
        with lock(f"{kind}-{old.name}", wait=False) as mine:
            if mine and old not in spared and not in_use(old):
                shutil.rmtree(old, ignore_errors=True)
    for half in folder.glob(".*-*"):
        key = half.name[1:].rpartition("-")[0]
        with lock(f"{kind}-{key}", wait=False) as mine:
            if mine:
                shutil.rmtree(half, ignore_errors=True)


@contextmanager
def lock(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock among processes; it goes with the process that holds it. Says whether it was got."""
    locks = root() / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
