"""Reporting what somebody else stamps: that a fault is in, and its activations."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from faultkit.kit import Bench, Kind

LINE_BYTES = 512


@contextmanager
def witnessed(bench: Bench, fd: int, **told: Any) -> Iterator[None]:
    """Report that the fault is in by now, and its activations, as `activations` does; closes `fd` on exit.

    A fault that has acted before this thread came to run on was in by then.
    """
    now_ns, early = time.monotonic_ns(), list(stamps(fd))
    bench.report("injector", Kind.FAULT_INJECTED, min([now_ns, *(t_ns for t_ns, _ in early)]), **told)
    report(bench, early)
    with activations(bench, fd):
        yield


@contextmanager
def activations(bench: Bench, fd: int) -> Iterator[None]:
    """Report "fault.activated" for every line "TIME WORDS" that can be read from `fd`; closes it on exit.

    TIME is CLOCK_MONOTONIC in nanoseconds; WORDS, which may be missing, say what was met. Each read gives one line, or
    EAGAIN.
    """
    bench.watch(fd, lambda: report(bench, stamps(fd)))
    try:
        yield
    finally:
        report(bench, stamps(fd))
        bench.unwatch(fd)
        os.close(fd)


def stamps(fd: int) -> Iterator[tuple[int, str]]:
    """The stamps since the last read: time and words."""
    with suppress(BlockingIOError):
        while line := os.read(fd, LINE_BYTES).decode():
            t_ns, _, words = line.strip().partition(" ")
            yield int(t_ns), words


def report(bench: Bench, found: Iterable[tuple[int, str]]) -> None:
    """Report activations of the fault that its witness has seen."""
    for t_ns, words in found:
        bench.report("injector", Kind.FAULT_ACTIVATED, t_ns, **({"met": words} if words else {}))
