"""The order of the tests, and which of them run at the same time.

One worker runs a file's tests. Files share their guests through the cache, whose lock lets one worker prepare a
template while another waits for it. Tests marked `alone` disturb others or measure time: while one of them runs, no
other worker runs a test.
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
    """The row of a test in the table of minutes: `alone`, the guest it needs, or its file."""
    if item.get_closest_marker(ALONE):
        return ALONE
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    needed = {*getattr(item, "fixturenames", ()), *(value for value in parameters if isinstance(value, str))}
    if item.get_closest_marker("guest"):
        return next((bed for bed in BEDS if bed in needed), item.path.stem)
    return item.path.stem


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Files of guests first, and of them the largest first, so that no worker ends with a long one; `alone` last."""
    sizes = Counter(item.path for item in items)
    shared = {item.path for item in items if part_of(item) != ALONE}

    def rank(item: pytest.Item) -> tuple[bool, bool, int, str]:
        return item.path not in shared, not item.get_closest_marker("guest"), -sizes[item.path], str(item.path)

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
        if hasattr(config, "workerinput"):
            items[:] = in_order(items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        worker: dict[str, str] = getattr(item.config, "workerinput", {})
        with room(Path(worker.get("place", self.place.name)), alone=part_of(item) == ALONE):
            return (yield)
