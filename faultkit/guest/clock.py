"""The kernel log's clock against CLOCK_MONOTONIC, to which all other times refer."""

from __future__ import annotations

import os
import time

MARK = "faultkit: clock"


def printk_lag_ns() -> int:
    """CLOCK_MONOTONIC minus the time stamp that printk gives to a line written now."""
    log = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.lseek(log, 0, os.SEEK_END)
        now = time.monotonic_ns()
        os.write(log, f"<7>{MARK}\n".encode())
        while MARK not in (line := os.read(log, 8192).decode(errors="replace")):
            pass
    finally:
        os.close(log)
    return now - int(line.split(",")[2]) * 1000
