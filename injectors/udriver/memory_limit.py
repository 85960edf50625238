"""The u-driver gets no more memory."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side
from injectors.tools.cgroup import limited
from injectors.tools.perf import activated_by, failing_call, tracepoint
from injectors.tools.udriver import needs_udriver, pid_of, threads_of


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """Give the u-driver only `headroom_kib` more memory; beyond that `then` "kill" kills it, "refuse" fails its calls.

    kill: memory.max (cgroup v2) for all memory charged to it from now on: pages that it is the first to touch, also
    of files, and the kernel's on its behalf. refuse: RLIMIT_AS, on its address space.

    Activation: kill: the kernel chooses it as the victim (tracepoint mark_victim). refuse: its first call that
    fails with ENOMEM.
    Data: `pid`, `then`, `limit_bytes`.
    Undo: the limit is lifted; a u-driver that recovery starts has none.
    """

    side: ClassVar[Side] = "u-driver"

    then: str = "kill"
    headroom_kib: int = 0

    @property
    def fault_type(self) -> str:
        return f"memory_limit: {self.then}"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_then(self.then)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        check_then(self.then)
        limiting = killing if self.then == "kill" else refusing
        with limiting(bench, pid_of(bench), self.headroom_kib << 10):
            yield


def check_then(then: str) -> None:
    """Refuse an unknown end. Raises: NotPlaced."""
    if then not in ("kill", "refuse"):
        raise NotPlaced(f"at its memory limit a u-driver is not {then!r}: there are kill, refuse")


@contextmanager
def killing(bench: Bench, pid: int, headroom_bytes: int) -> Iterator[None]:
    """The kernel kills the process if it takes more."""
    chosen = tracepoint("oom/mark_victim", f"pid == {pid}")
    with ExitStack() as undo:
        with activated_by(bench, threads_of(pid), chosen) as t_ns:
            group = undo.enter_context(limited(pid, "memory", "memory.max", str(headroom_bytes)))
        limit = int((group / "memory.max").read_text())
        bench.report("injector", Kind.FAULT_INJECTED, t_ns, pid=pid, then="kill", limit_bytes=limit)
        yield


@contextmanager
def refusing(bench: Bench, pid: int, headroom_bytes: int) -> Iterator[None]:
    """The kernel gives the process no more than that."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + headroom_bytes
    with activated_by(bench, threads_of(pid), failing_call(errno.ENOMEM)) as t_ns:
        before = resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    bench.report("injector", Kind.FAULT_INJECTED, t_ns, pid=pid, then="refuse", limit_bytes=limit)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, before)
