"""The u-driver gets a signal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, Signals
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, Side
from injectors.tools.perf import activated_by, tracepoint
from injectors.tools.udriver import end_by, needs_udriver, pid_of, signal_of, threads_of

SPARING = frozenset((SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH))  # signal(7): not deadly


@dataclass(frozen=True, slots=True)
class Signal:
    """Send the u-driver any signal ("SIGTERM", "SIGPIPE", "SIGHUP") and let it respond in its own way.

    Activation: the u-driver's death, seen through a pidfd, if it does not handle a deadly signal. Else a thread takes
    the signal (the kernel's tracepoint signal_deliver). An ignored signal is never taken.
    Data: `pid`, `signal`.
    Undo: none.
    """

    side: ClassVar[Side] = "u-driver"

    signal: str = "SIGTERM"

    @property
    def fault_type(self) -> str:
        return f"signal: {self.signal}"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        signal_of(self.signal)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        signal = signal_of(self.signal)
        pid = pid_of(bench)
        if signal in SPARING or handles(pid, signal):
            taken = tracepoint("signal/signal_deliver", f"sig == {int(signal)}")
            with activated_by(bench, threads_of(pid), taken) as sent_ns:
                os.kill(pid, signal)  # returns when it is pending
            bench.report("injector", Kind.FAULT_INJECTED, sent_ns, pid=pid, signal=signal.name)
        else:
            end_by(signal, bench)
        yield


def handles(pid: int, signal: Signals) -> bool:
    """True if the process catches or ignores a signal (proc(5), /proc/PID/status)."""
    status = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return any(int(status[masks], 16) >> signal - 1 & 1 for masks in ("SigCgt", "SigIgn"))
