"""The u-driver stands still for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from signal import SIGCONT, SIGSTOP, pidfd_send_signal
from typing import ClassVar

from faultkit.protocols import Bench, Side
from injectors.hang import await_stop, witness
from injectors.udriver import pid_of


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP to the u-driver, and SIGCONT `duration_s` of virtual time later: slow, but healthy.

    What detects it is wrong; what waits for it is patient enough.
    Activation: the first request that is issued while it stands still.
    Undo: lets the process run on, unless recovery has replaced it.
    """

    side: ClassVar[Side] = "u-driver"

    duration_s: float = 0.5

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        pidfd = os.pidfd_open(pid)
        pidfd_send_signal(pidfd, SIGSTOP)
        await_stop(pid)  # SIGSTOP is asynchronous
        bench.report("injector", "fault.injected", pid=pid, signal="SIGSTOP", duration_s=self.duration_s)
        bench.at_next_request(partial(witness, bench, pid))
        with ExitStack() as undo:  # run by the clock or at the end, whichever comes first
            undo.callback(os.close, pidfd)
            undo.callback(resume, pidfd)
            bench.after(self.duration_s, undo.close)
            yield


def resume(pidfd: int) -> None:
    """Let the process run on, if it still exists."""
    with suppress(ProcessLookupError):
        pidfd_send_signal(pidfd, SIGCONT)
