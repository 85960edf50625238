"""A file descriptor of the u-driver is closed beneath it."""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side
from injectors.tools.perf import activated_by, failing_call
from injectors.tools.ptrace import call_in
from injectors.tools.udriver import needs_udriver, pid_of, threads_of

KINDS: Mapping[str, Callable[[int], bool]] = {
    "any": lambda mode: True,
    "socket": stat.S_ISSOCK,
    "file": stat.S_ISREG,
    "pipe": stat.S_ISFIFO,
}


@dataclass(frozen=True, slots=True)
class FdClosed:
    """Close one of the u-driver's file descriptors: ptrace lets one of its own threads call close(2).

    `draw` draws, uniformly, one of a `kind`: "any", "socket", "file" or "pipe". A call that already waits on the
    descriptor keeps its file; the number may be given out again for the next file that is opened.

    Activation: the u-driver's first call that fails with EBADF. A call that meets another file under the same
    number goes unseen, and so does poll(2), which does not fail.
    Data: `pid`, `fd`, `target` (the file, socket or pipe behind it).
    Undo: none: the descriptor stays closed.
    """

    side: ClassVar[Side] = "u-driver"

    kind: str = "any"
    draw: int = 0

    @property
    def fault_type(self) -> str:
        return f"fd_closed: {self.kind}"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_descriptors(self.kind)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        fd = random.Random(self.draw).choice(descriptors(pid, self.kind))
        target = Path(f"/proc/{pid}/fd/{fd}").readlink()
        with activated_by(bench, threads_of(pid), failing_call(errno.EBADF)) as t_ns:
            close_in(pid, fd)
        bench.report("injector", Kind.FAULT_INJECTED, t_ns, pid=pid, fd=fd, target=str(target))
        yield


def check_descriptors(kind: str) -> None:
    """Refuse an unknown kind. Raises: NotPlaced."""
    if kind not in KINDS:
        raise NotPlaced(f"there is no kind of descriptors {kind!r}: there are {', '.join(KINDS)}")


def descriptors(pid: int, kind: str) -> list[int]:
    """The process' open descriptors of a kind. Raises: NotPlaced if there are none."""
    check_descriptors(kind)
    files = Path(f"/proc/{pid}/fd").iterdir()
    found = sorted(int(file.name) for file in files if KINDS[kind](file.stat().st_mode))
    if not found:
        raise NotPlaced(f"process {pid} has no open {kind}")
    return found


def close_in(pid: int, fd: int) -> None:
    """Close a descriptor of the process, and see that it is closed. Raises: NotPlaced."""
    try:
        call_in(pid, "close", fd)
    except OSError as reason:
        raise NotPlaced(f"descriptor {fd} of process {pid} cannot be closed: {reason.strerror}") from None
    if os.path.lexists(f"/proc/{pid}/fd/{fd}"):
        raise NotPlaced(f"process {pid} opened {fd} again while it was being closed")
