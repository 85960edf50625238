"""A system call of the u-driver fails."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Driver, KernelModule, NotPlaced, Side
from injectors.tools.syscall_names import NEEDS
from injectors.tools.syscalls import FILES, check_call, tamper_with_syscalls
from injectors.tools.udriver import needs_udriver


@dataclass(frozen=True, slots=True)
class SyscallError:
    """Let a system call of the u-driver ("pread64", as in syscalls(2)) fail with `error` ("EIO") without running.

    From the u-driver's `nth` such call after the arming on, counted over all its threads, `times` times (0: for
    ever). A call that is under way at the arming is not met.

    Activation: each such call, by the kernel's own time stamp.
    Data: `pid`, `call`, `nth`, `times`, `fail` (the errno).
    Undo: disarmed.
    """

    side: ClassVar[Side] = "u-driver"
    needs: ClassVar[str] = NEEDS

    call: str
    error: str = "EIO"
    nth: int = 1
    times: int = 1

    @property
    def fault_type(self) -> str:
        return f"syscall_error: {self.call} {self.error}"

    def files(self) -> Mapping[str, KernelModule]:
        return FILES

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_call(self.call, self.nth, self.times)
        number_of(self.error)

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        return tamper_with_syscalls(bench, self.call, self.nth, self.times, "fail", number_of(self.error))


def number_of(error: str) -> int:
    """The number of an error. Raises: NotPlaced if there is none of that name."""
    number = getattr(errno, error, None)
    if not error.startswith("E") or number is None:
        raise NotPlaced(f"there is no error {error!r}: a name is like EIO, see errno(3)")
    return int(number)
