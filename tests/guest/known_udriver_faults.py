"""Faults in the u-driver whose effect is known, made from the real ones. A module of its own: it travels as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.model.parts import Bench, Fault, Side
from injectors.tools.ptrace import call_in
from injectors.tools.udriver import pid_of, threads_of
from injectors.udriver.memory import Memory, after_requests
from injectors.udriver.memory_limit import MemoryLimit

READ_WRITE, PRIVATE_ANONYMOUS = 3, 0x22
MUCH_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Passing:
    """A fault that is undone after some requests ("test.undone"), long before the trial ends."""

    side: ClassVar[Side] = "u-driver"

    fault: Fault
    requests: int

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with ExitStack() as undo:
            undo.enter_context(self.fault.inject(bench))
            after_requests(bench, self.requests, lambda: self.end(bench, undo))
            yield

    def end(self, bench: Bench, undo: ExitStack) -> None:
        """Undo it now."""
        undo.close()
        bench.report("test", "test.undone")


@dataclass(frozen=True, slots=True)
class Allocation:
    """The u-driver asks for much memory ("test.allocated") before, under and after a limit that refuses it."""

    side: ClassVar[Side] = "u-driver"

    headroom_kib: int = 0

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        allocate(bench)
        with MemoryLimit("refuse", self.headroom_kib).inject(bench):
            allocate(bench)
        allocate(bench)
        yield


def allocate(bench: Bench) -> None:
    """Have it call mmap(2)."""
    try:
        call_in(pid_of(bench), "mmap", 0, MUCH_BYTES, READ_WRITE, PRIVATE_ANONYMOUS, 0, 0)
    except OSError as reason:
        bench.report("test", "test.allocated", error=reason.errno)
    else:
        bench.report("test", "test.allocated", error=0)


@dataclass(frozen=True, slots=True)
class AimedText:
    """A flip in the instruction that a thread of the u-driver executes first when the next request has come."""

    side: ClassVar[Side] = "u-driver"

    draw: int

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        calls = [Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split() for tid in threads_of(pid)]
        workers = calls[2:]  # behind the main thread and the one that waits for the connection to end
        next_instruction = next(int(call[-1], 16) for call in workers if len(call) > 2)
        Memory("text", self.draw).put(bench, pid, [(next_instruction, next_instruction + 1)])
        yield
