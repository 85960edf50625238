"""The u-driver's disk is full."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side, Stores, retry
from injectors.tools.perf import activated_by, failing_call
from injectors.tools.udriver import needs_udriver, pid_of, threads_of

MS_REMOUNT = 32
SETTLE_S = 0.1


@dataclass(frozen=True, slots=True)
class DiskFull:
    """Fill the u-driver's file system: it is remounted as small as its contents.

    For drivers that say where their data are (`faultkit.model.parts.Stores`), in a tmpfs of their own.

    Activation: the u-driver's first call that fails with ENOSPC; a u-driver that recovery starts is not watched.
    Data: `store`, `size_bytes`.
    Undo: the file system is as large as before.
    """

    side: ClassVar[Side] = "u-driver"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        store_of(driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        store = store_of(bench.driver)
        before = os.statvfs(store)
        try:
            with activated_by(bench, threads_of(pid), failing_call(errno.ENOSPC)) as t_ns:
                retry(lambda: shrink(store), SETTLE_S)  # a write may come in between
        except OSError as reason:
            raise NotPlaced(f"{store} cannot be filled: {reason.strerror}") from None
        bench.report("injector", Kind.FAULT_INJECTED, t_ns, store=store, size_bytes=size_bytes(os.statvfs(store)))
        try:
            yield
        finally:
            resize(store, size_bytes(before))


def store_of(driver: Driver) -> str:
    """The folder of the u-driver's data. Raises: NotPlaced if the driver does not name it."""
    if not isinstance(driver, Stores):
        raise NotPlaced(f"{type(driver).__name__} does not say where its u-driver's data are")
    return driver.store


def shrink(store: str) -> None:
    """Leave no room. Raises: OSError, also if there is some left."""
    room = os.statvfs(store)
    resize(store, size_bytes(room) - room.f_bfree * room.f_frsize)
    if os.statvfs(store).f_bfree:
        raise OSError(errno.EAGAIN, "there is room left")


def size_bytes(room: os.statvfs_result) -> int:
    """The size of the file system, free or not."""
    return room.f_blocks * room.f_frsize


def resize(store: str, size: int) -> None:
    """Mount a tmpfs again, with another size (tmpfs(5)). Raises: OSError."""
    mount = ctypes.CDLL(None, use_errno=True).mount
    if mount(None, store.encode(), b"tmpfs", ctypes.c_ulong(MS_REMOUNT), f"size={max(size, 1)}".encode()):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
