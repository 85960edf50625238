"""Reporting activations that somebody else stamps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from faultkit.protocols import Bench

LINE_BYTES = 512


@contextmanager
def activations(bench: Bench, fd: int) -> Iterator[None]:
    """Report "fault.activated" for every line "TIME WORDS" that can be read from `fd`; closes it on exit.

    TIME is CLOCK_MONOTONIC in nanoseconds; WORDS, which may be missing, say what was met. Each read gives one line, or
    EAGAIN.
    """
    bench.watch(fd, partial(report, bench, fd))
    try:
        yield
    finally:
        report(bench, fd)
        bench.unwatch(fd)
        os.close(fd)


def report(bench: Bench, fd: int) -> None:
    """What was stamped since the last look."""
    with suppress(BlockingIOError):
        while line := os.read(fd, LINE_BYTES).decode():
            t_ns, _, words = line.strip().partition(" ")
            bench.report("injector", "fault.activated", int(t_ns), **({"met": words} if words else {}))
