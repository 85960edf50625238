"""The order of the tests, and which of them run at the same time.

One worker runs a file's tests. Files share their guests through the cache, whose lock lets one worker prepare a
template while another waits for it. Tests marked `early` take minutes and begin before others, so that none waits for
their end. Tests marked `alone` disturb others or measure time: while one of them runs, no other worker runs a test.
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
BEDS = (
    "nbd",
    "nbd_client",
    "nbd_ioctl",
    "nbd_memory",
    "rtl8139",
    "rtl8139_bridged",
    "edu",
    "rtl8139_micro",
    "proxied",
    "watchful",
)
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
    """Sort tests so that no worker waits for another; tests that are `alone` come last.

    The largest file of guests is first: its worker makes the image. Others have large host files until then. Files
    of guests follow, those that are `early` and the largest first, and small host files, so that no worker ends with
    a long file.
    """
    sizes = Counter(item.path for item in items)
    early = {item.path for item in items if item.get_closest_marker("early")}
    paths = sorted(sizes, key=lambda path: (-sizes[path], str(path)))
    shared = {item.path for item in items if part_of(item) != ALONE}
    guests = {item.path for item in items if item.get_closest_marker("guest")}
    large, small = halves([path for path in paths if path in shared - guests])
    with_guests = [path for path in paths if path in shared & guests]
    soon = sorted(with_guests[1:], key=lambda path: path not in early)
    order = [*with_guests[:1], *large, *soon, *small, *(path for path in paths if path not in shared)]
    return sorted(items, key=lambda item: order.index(item.path))


def halves(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Two lists of the same length, or the first has one more."""
    middle = (len(paths) + 1) // 2
    return paths[:middle], paths[middle:]


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
