"""Faults that last for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from faultkit.kit import Bench, Kind


@contextmanager
def for_a_while(bench: Bench, for_s: float, end: Callable[[], object]) -> Iterator[None]:
    """Call `end` when `for_s` of virtual time have passed (0: not before the exit), or on exit; once."""
    left = [end]

    def end_once() -> None:
        if left:
            left.pop()()
            bench.report("injector", Kind.FAULT_ENDED)

    if for_s:
        bench.after(for_s, end_once)
    try:
        yield
    finally:
        end_once()
