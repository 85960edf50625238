"""Finding the u-driver, and ending it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from select import select
from signal import Signals, pidfd_send_signal

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Split

DEATH_S = 1.0


def pid_of(bench: Bench) -> int:
    """The u-driver's process. Raises: NotPlaced if the driver has none, or it is gone."""
    try:
        return needs_udriver(bench.driver).udriver_pid()
    except OSError as reason:
        raise NotPlaced(f"the u-driver was gone before the fault: {reason}") from None


def needs_udriver(driver: Driver) -> Split:
    """The driver, if it has a u-driver. Raises: NotPlaced."""
    if not isinstance(driver, Split):
        raise NotPlaced(f"{type(driver).__name__} has no u-driver for this fault to go into")
    return driver


def threads_of(pid: int) -> list[int]:
    """The process' threads, the oldest first."""
    return sorted(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())


def signal_of(name: str) -> Signals:
    """A signal by its name. Raises: NotPlaced if there is none."""
    if name not in Signals.__members__:
        raise NotPlaced(f"there is no signal {name!r}: a name is like SIGTERM, see signal(7)")
    return Signals[name]


def end_by(signal: Signals, bench: Bench) -> None:
    """Send a deadly signal and see the u-driver die of it."""
    pid = pid_of(bench)
    pidfd = os.pidfd_open(pid)
    try:
        sent = time.monotonic_ns()
        pidfd_send_signal(pidfd, signal)
        bench.report("injector", Kind.FAULT_INJECTED, sent, pid=pid, signal=signal.name)
        if select([pidfd], [], [], DEATH_S)[0]:
            bench.report("injector", Kind.FAULT_ACTIVATED, sent)  # its death confirms what began with the signal
    finally:
        os.close(pidfd)


def state_of(pid: int) -> str:
    """The state letter of a process, as in proc(5): "T" is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
