"""The order of the tests, and which of them run at the same time.

Tests that need one guest, or one file's fixtures, are a part: one worker runs a part's tests, so each template is
prepared once. Tests marked `alone` disturb others or measure time: while one of them runs, no other worker runs a test.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

# fixtures of several files
BEDS = ("nbd", "nbd_client", "nbd_memory", "rtl8139", "edu", "rtl8139_micro", "proxied", "watchful")
ALONE = "alone"
MOST_WORKERS = 8  # more have nothing to do: the parts are few
TURNSTILE, ROOM = "turnstile", "room"  # files that one run's workers lock


def part_of(item: pytest.Item) -> str:
    """The part that a test belongs to: `alone`, the guest it needs, or its file."""
    if item.get_closest_marker(ALONE):
        return ALONE
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    needed = {*getattr(item, "fixturenames", ()), *(value for value in parameters if isinstance(value, str))}
    if item.get_closest_marker("guest"):
        return next((bed for bed in BEDS if bed in needed), item.path.stem)
    return item.path.stem


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Guests first, and of them the largest part first, so that no worker ends with a long one; `alone` last."""
    sizes = Counter(map(part_of, items))

    def rank(item: pytest.Item) -> tuple[bool, bool, int, str]:
        part = part_of(item)
        return part == ALONE, not item.get_closest_marker("guest"), -sizes[part], part

    return sorted(items, key=rank)


def workers() -> int:
    """As many as there are processors for this process."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


@contextmanager
def room(place: Path, *, alone: bool) -> Iterator[None]:
    """Share the machine with the tests of the other workers, or have it alone; `place` holds the locks.

    A test that waits to be alone holds the turnstile, and no other test begins before it.
    """
    with ExitStack() as held:
        with (place / TURNSTILE).open("ab") as turnstile:
            fcntl.flock(turnstile, fcntl.LOCK_EX)
            file = held.enter_context((place / ROOM).open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


class Schedule:
    """The hooks. The process that hands out the tests makes the place of the locks and names it to its workers."""

    def __init__(self) -> None:
        self.place = TemporaryDirectory(prefix="tests-")

    def pytest_unconfigure(self) -> None:
        self.place.cleanup()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["place"] = self.place.name

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for item in items:
            item.add_marker(pytest.mark.xdist_group(part_of(item)))
        if hasattr(config, "workerinput"):
            items[:] = in_order(items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        worker: dict[str, str] = getattr(item.config, "workerinput", {})
        with room(Path(worker.get("place", self.place.name)), alone=part_of(item) == ALONE):
            return (yield)
