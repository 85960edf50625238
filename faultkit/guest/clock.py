"""The guest's clock, CLOCK_MONOTONIC, the waits that go by it, and the kernel log's lag behind it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from selectors import BaseSelector, SelectorKey
from typing import Protocol

MARK = "faultkit: clock"


class Running(Protocol):
    """A thread that was started."""

    def is_alive(self) -> bool:
        """Report whether the thread has not ended."""


class Flag(Protocol):
    """A flag that one thread waits for and another sets."""

    def set(self) -> None:
        """Let the waiting threads go on."""

    def wait(self) -> object:
        """Wait until the flag is set."""


class Clock:
    """The time, waits and threads; tests put a simulated clock in its place."""

    now_ns = staticmethod(time.monotonic_ns)
    sleep = staticmethod(time.sleep)
    signal: Callable[[], Flag] = staticmethod(threading.Event)

    def select(self, selector: BaseSelector, timeout_s: float) -> list[tuple[SelectorKey, int]]:
        """The descriptors that are ready, as soon as there is one or the time has passed."""
        return selector.select(timeout_s)

    def start_thread(self, work: Callable[[], None]) -> Running:
        """Start a thread that nobody waits for: the guest is thrown away with it."""
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


CLOCK = Clock()


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
