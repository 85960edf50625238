"""A control group for the u-driver alone (Documentation/admin-guide/cgroup-v2.rst)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faultkit.kit import NotPlaced

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def limited(pid: int, controller: str, file: str, limit: str) -> Iterator[Path]:
    """A process in a group of its own with a limit: its folder. Afterwards it is back where all are, if it lives.

    Raises: NotPlaced.
    """
    group = ROOT / f"faultkit-{controller}"
    try:
        (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
        group.mkdir(exist_ok=True)
        (group / file).write_text(limit)
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as reason:
        raise NotPlaced(f"process {pid} cannot be given {file} {limit!r}: {reason.strerror}") from None
    try:
        yield group
    finally:
        with suppress(OSError):
            (ROOT / "cgroup.procs").write_text(str(pid))
        with suppress(OSError):  # a process that died in it may still be counted
            group.rmdir()
