"""A system call of the u-driver takes long."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Driver, KernelModule, NotPlaced, Side
from injectors.tools.syscall_names import NEEDS
from injectors.tools.syscalls import FILES, check_call, tamper_with_syscalls
from injectors.tools.udriver import needs_udriver


@dataclass(frozen=True, slots=True)
class SyscallDelay:
    """Let a system call of the u-driver ("pwrite64") return `delay_ms` late; it does its work, and the thread sleeps.

    From the u-driver's `nth` such call after the arming on, counted over all its threads, `times` times (0: for
    ever). In steps of the kernel's tick (4 ms).

    Activation: each such call as it begins, by the kernel's own time stamp.
    Data: `pid`, `call`, `nth`, `times`, `delay` (microseconds).
    Undo: disarmed; a thread that sleeps sleeps on.
    """

    side: ClassVar[Side] = "u-driver"
    needs: ClassVar[str] = NEEDS

    call: str
    delay_ms: int
    nth: int = 1
    times: int = 1

    @property
    def fault_type(self) -> str:
        return f"syscall_delay: {self.call}"

    def files(self) -> Mapping[str, KernelModule]:
        return FILES

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_call(self.call, self.nth, self.times)
        if self.delay_ms < 1:
            raise NotPlaced(f"a call cannot be delayed by {self.delay_ms} ms")

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        return tamper_with_syscalls(bench, self.call, self.nth, self.times, "delay", 1000 * self.delay_ms)
