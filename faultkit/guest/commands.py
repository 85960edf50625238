"""Running programs in the guest, with failures as OSError."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faultkit.guest.clock import CLOCK, Clock


def run(*command: str, timeout_s: float = 5.0) -> str:
    """Run a program and return its output. Raises: OSError if it fails, does not start, or takes too long (virtual)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(errno.ETIMEDOUT, f"{' '.join(command)}: no end after {timeout_s:g} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise OSError(errno.EIO, f"{' '.join(command)}: {words[-1] if words else f'exit code {done.returncode}'}")
    return done.stdout


def retry(action: Callable[[], object], timeout_s: float, every_s: float = 0.01, clock: Clock = CLOCK) -> None:
    """Repeat an action until it succeeds. Raises: the last OSError when the (virtual) time is over."""
    deadline_ns = clock.now_ns() + round(timeout_s * 1e9)
    while True:
        try:
            action()
        except OSError:
            if clock.now_ns() > deadline_ns:
                raise
            clock.sleep(every_s)
        else:
            return


def unload_module(name: str, timeout_s: float = 3.0) -> None:
    """Unload a kernel module once nobody uses it any more. A module that is not loaded is nothing to unload.

    Raises: OSError if it is still there when the (virtual) time is over.
    """
    if Path("/sys/module", name.replace("-", "_"), "initstate").exists():
        retry(lambda: run("rmmod", name), timeout_s)


def quietly(action: Callable[[], object]) -> None:
    """Run the action and ignore an OSError, which is of no interest or shows elsewhere."""
    with suppress(OSError):
        action()
