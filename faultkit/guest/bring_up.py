"""A driver as a whole: bring it up, take it down, and start it anew in the midst of a workload."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from faultkit.guest.commands import quietly, retry
from faultkit.model.errors import words_of
from faultkit.model.events import Kind
from faultkit.model.parts import Bench, Driver, Split

RETRY_S = 0.2  # between two tries of a request
PROCESS_S = 1.0  # for the u-driver's process to appear


def bring_up(driver: Driver) -> None:
    """Load and start the driver, attach it, and probe its service. Raises: OSError."""
    start(driver)
    driver.attach()
    driver.probe()


def take_down(driver: Driver) -> None:
    """Detach the driver, stop its u-driver, and unload it. Raises: OSError."""
    driver.detach()
    if isinstance(driver, Split):
        driver.stop_udriver()
    driver.unload()


def start(driver: Driver, *, wait: bool = True) -> None:
    """Load the k-driver and start the u-driver, if there is one. Raises: OSError.

    Without `wait` it returns as soon as the u-driver's process is there, or has already ended: whether it comes to
    serve is for the workload to see.
    """
    driver.load()
    if isinstance(driver, Split):
        if wait:
            driver.start_udriver()
        else:
            start_in_background(driver)


def start_in_background(driver: Split) -> None:
    """Start the u-driver in a thread; return when its process is there, or was."""
    Thread(target=quietly, args=(driver.start_udriver,), daemon=True).start()
    quietly(lambda: retry(driver.udriver_pid, timeout_s=PROCESS_S, every_s=0.001))


def start_anew(bench: Bench) -> None:
    """Take the driver down, and load and start it in a request "load", without waiting for its service.

    The detectors look away meanwhile, and watch the new u-driver from then on. Raises: OSError.
    """
    with bench.maintenance():
        take_down(bench.driver)
        with bench.request("load"):
            start(bench.driver, wait=False)


def retry_request(bench: Bench, op: str, action: Callable[[], None], for_s: float) -> None:
    """Repeat a request until it succeeds. Raises: the last OSError when `for_s` of virtual time have passed."""

    def request() -> None:
        with bench.request(op):
            action()

    retry(request, for_s, RETRY_S)


def run_in_order(bench: Bench, actions: tuple[Callable[[], None], ...]) -> None:
    """Run the actions of a workload; with the first that raises OSError the workload gives up."""
    began = time.monotonic()
    try:
        for action in actions:
            began = time.monotonic()
            action()
    except OSError as reason:
        why = f"no success for {time.monotonic() - began:.1f} s: {words_of(reason, of_system=True)}"
        bench.report("workload", Kind.WORKLOAD_GAVE_UP, why=why)
