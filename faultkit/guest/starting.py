"""Workloads take a driver down and start it anew with these."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from faultkit.guest.commands import quietly, retry
from faultkit.guest.lifecycle import take_down
from faultkit.model.events import Kind
from faultkit.model.parts import Bench, Driver, Split

RETRY_S = 0.2
STARTS_S = 1.0


def load_anew(bench: Bench) -> None:
    """Take the driver down; in a request, load it and let it have a new u-driver, if it is split. Raises: OSError.

    It does not wait until that one serves. From here on whoever watches drivers watches the new one.
    """
    with bench.maintenance():
        take_down(bench.driver)
        with bench.request("load"):
            bench.driver.load()
            start(bench.driver)


def start(driver: Driver) -> None:
    """Start the u-driver, if it has one; come back when there is a process, or was."""
    if isinstance(driver, Split):
        Thread(target=quietly, args=(driver.start_udriver,), daemon=True).start()
        quietly(lambda: retry(driver.udriver_pid, timeout_s=STARTS_S, every_s=0.001))


def persist(bench: Bench, op: str, action: Callable[[], None], for_s: float) -> None:
    """Do it, as a request each time, until it succeeds. Raises: the last OSError when the (virtual) time is over."""

    def once() -> None:
        with bench.request(op):
            action()

    retry(once, for_s, RETRY_S)


def in_turn(bench: Bench, deeds: tuple[Callable[[], None], ...]) -> None:
    """One after another; the workload gives up with the first that raises an OSError."""
    began = time.monotonic()
    try:
        for deed in deeds:
            began = time.monotonic()
            deed()
    except OSError as reason:
        why = f"no success for {time.monotonic() - began:.1f} s: {reason.strerror or reason}"
        bench.report("workload", Kind.WORKLOAD_GAVE_UP, why=why)
