"""Code of parts that runs on the host with a guest's data: it may loop, fail or ask to exit, and holds nobody up."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from faultkit.model.errors import FaultkitError, HarnessError, Runaway, Unreadable, words_of
from faultkit.model.received import in_short

T = TypeVar("T")
SLICE_S = 0.5  # a look at the clock that comes much later than this comes out of a suspension
HOST_S = 60.0  # for all such code of one trial, which takes milliseconds


@dataclass(slots=True)
class HostTime:
    """The host's time for the parts of one trial."""

    left_s: float = HOST_S

    def run(self, name: str, action: Callable[[], T]) -> T:
        """The result of an action of the part `name`.

        Raises: Runaway if the time is over; HarnessError for all else that the action raises, a wish to exit included.
        """
        used: list[float] = []
        try:
            return bounded(name, action, self.left_s, used)
        finally:
            self.left_s = max(0.0, self.left_s - sum(used))


def bounded(name: str, action: Callable[[], T], seconds: float, used: list[float]) -> T:
    """The result of an action, which has so many seconds; `used` gets those that it took.

    A process that is suspended does not use them up. Raises: Runaway, HarnessError.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(action())
        except BaseException as reason:  # also SystemExit: a part cannot end the worker
            errors.append(reason)

    thread = threading.Thread(target=work, name=f"host side of {name}", daemon=True)
    thread.start()
    while thread.is_alive() and sum(used) < seconds:
        start = time.monotonic()
        thread.join(min(SLICE_S, seconds - sum(used)))
        used.append(min(time.monotonic() - start, 2 * SLICE_S))
    if thread.is_alive():
        abandon(thread)
        raise Runaway(f"the code of {name} that runs on the host did not end within {HOST_S:g} s")
    if errors:
        raise as_harness_error(name, errors[0])
    return results[0]


def as_harness_error(name: str, reason: BaseException) -> HarnessError:
    """The error of a part as an error of the trial."""
    if isinstance(reason, HarnessError):
        return reason
    return HarnessError(
        f"the code of {name} that runs on the host failed: {type(reason).__name__}: {in_short(words_of(reason), 200)}"
    )


def abandon(thread: threading.Thread) -> None:
    """Let a thread end at its next instruction of Python. Nobody waits for it: it may be in C code."""
    ident = ctypes.c_ulong(thread.ident or 0)
    unwind: Any = ctypes.py_object(SystemExit)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, unwind)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """The edge of what a guest may spoil. Raises: Unreadable in place of any error that nobody foresaw."""
    try:
        yield
    except (FaultkitError, OSError):
        raise
    except Exception as reason:
        raise Unreadable(
            f"{name} cannot be read: {type(reason).__name__}: {in_short(words_of(reason), 200)}"
        ) from reason
