"""Running programs in the guest, with failures as OSError."""

from __future__ import annotations

import errno
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress


def run(*command: str, timeout_s: float = 5.0) -> str:
    """What a program printed. Raises: OSError if it fails, cannot be started or takes too long (virtual time)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(errno.ETIMEDOUT, f"{' '.join(command)}: no end after {timeout_s:g} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise OSError(errno.EIO, f"{' '.join(command)}: {words[-1] if words else f'exit code {done.returncode}'}")
    return done.stdout


def retry(action: Callable[[], object], timeout_s: float, every_s: float = 0.01) -> None:
    """Try until it works. Raises: the last OSError when the (virtual) time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            action()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(every_s)
        else:
            return


def quietly(action: Callable[[], object]) -> None:
    """Do it; that it fails is of no interest, or shows elsewhere."""
    with suppress(OSError):
        action()
