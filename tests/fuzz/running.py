"""Runs of a fuzzer: each case is drawn from a seed and its number alone, and can be run again by these."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


class Target(Protocol):
    """A thing that is fuzzed: the maker of a case, and the check of one, which raises whatever is wrong."""

    def a_case(self, draw: random.Random) -> bytes: ...
    def check(self, case: bytes, draw: random.Random) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A case that failed: its number, the case, and the traceback."""

    n: int
    case: bytes
    why: str


def draw_of(seed: int, n: int) -> random.Random:
    """The source of chance of one case."""
    return random.Random(f"{seed}/{n}")


def run_case(target: Target, seed: int, n: int) -> Failed | None:
    """Make and check a case; the failure, if it is one."""
    draw, case = draw_of(seed, n), b""
    try:
        case = target.a_case(draw)
        target.check(case, draw)
    except Exception:
        return Failed(n=n, case=case, why=traceback.format_exc())
    return None


def run_for(
    target: Target, seed: int, seconds: float, *, first: int = 0, tell: Callable[[int], None] = lambda _: None
) -> Iterator[Failed]:
    """The cases that fail, of those that fit into a time; `tell` hears the number of each case that is done."""
    end = time.monotonic() + seconds
    n = first
    while time.monotonic() < end:
        if failed := run_case(target, seed, n):
            yield failed
        n += 1
        tell(n)
