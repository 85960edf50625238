"""The u-driver hangs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from signal import SIGCONT, SIGSTOP, pidfd_send_signal
from typing import Any, ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side
from injectors.tools.udriver import needs_udriver, pid_of, state_of

STOP_S = 1.0


@dataclass(frozen=True, slots=True)
class Hang:
    """Stop the u-driver by SIGSTOP, with its requests in flight.

    Activation: the first request that is issued while it is stopped; the request may not be for the u-driver.
    Data: `pid`, `signal`.
    Undo: SIGCONT, unless recovery has replaced the process.
    """

    side: ClassVar[Side] = "u-driver"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with stopped_udriver(bench):
            yield


def stopped_udriver(bench: Bench, **data: Any) -> ExitStack:
    """Stop the u-driver; closing the returned stack resumes it. `data`: more to tell of the injection."""
    pid = pid_of(bench)
    pidfd = os.pidfd_open(pid)
    pidfd_send_signal(pidfd, SIGSTOP)
    await_stop(pid)  # SIGSTOP is asynchronous
    bench.report("injector", Kind.FAULT_INJECTED, pid=pid, signal="SIGSTOP", **data)
    bench.at_next_request(partial(witness, bench, pid))
    undo = ExitStack()
    undo.callback(os.close, pidfd)
    undo.callback(resume, pidfd)
    return undo


def resume(pidfd: int) -> None:
    """Let the process run on, if it still exists."""
    with suppress(ProcessLookupError):
        pidfd_send_signal(pidfd, SIGCONT)


def witness(bench: Bench, pid: int) -> None:
    """A request is about to be issued: it will wait if the process still stands still."""
    with suppress(OSError):
        if state_of(pid) == "T":
            bench.report("injector", Kind.FAULT_ACTIVATED)


def await_stop(pid: int) -> None:
    """Wait until the process stands still. Raises: NotPlaced if it does not."""
    deadline = time.monotonic() + STOP_S
    while state_of(pid) != "T":
        if time.monotonic() > deadline:
            raise NotPlaced(f"process {pid} did not stop within {STOP_S:g} s of SIGSTOP")
        time.sleep(0.001)
