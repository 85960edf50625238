"""The life of a driver as a workload: its halves come and go, its service is tried, and mended if it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from faultkit.guest.commands import quietly
from faultkit.guest.lifecycle import take_down
from faultkit.protocols import Bench, Split

Step = Callable[[Bench], None]  # raises OSError if it fails


def live(bench: Bench, steps: Sequence[tuple[str, Step]]) -> None:
    """Each step as a request; behind one that fails the driver is mended, so that the next meets a sound one."""
    for op, step in steps:
        if not succeeds(bench, op, step):
            succeeds(bench, "mend", mend)


def steps_to(steps: Sequence[tuple[str, Step]], name: str) -> int:
    """How many steps come before the first of that name. Raises: ValueError if there is none."""
    return [op for op, _ in steps].index(name)


def succeeds(bench: Bench, op: str, step: Step) -> bool:
    """A step as a request: whether it was completed."""
    done = False
    with suppress(OSError), bench.request(op):
        step(bench)
        done = True
    return done


def reload(bench: Bench) -> None:
    """Both halves anew."""
    driver = bench.driver
    quietly(partial(take_down, driver))  # it may have failed half way before: loading tells
    driver.load()
    if isinstance(driver, Split):
        driver.start_udriver()
    driver.attach()


def rejoin(bench: Bench) -> None:
    """A new u-driver for the same k-driver."""
    driver = bench.driver
    if isinstance(driver, Split):
        driver.stop_udriver()
        driver.start_udriver()
        driver.reattach()


def mend(bench: Bench) -> None:
    """A new u-driver; if that does not help, both halves anew."""
    try:
        rejoin(bench)
    except OSError:
        reload(bench)


def check(bench: Bench) -> None:
    """Whether the driver serves at the end of its life."""
    try:
        bench.driver.probe()
    except OSError as reason:
        bench.report("workload", "check.failed", error=reason.strerror or str(reason))
    else:
        bench.report("workload", "check.passed")
