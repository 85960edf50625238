"""The life of a driver as a workload: its halves come and go, its service is tried, and mended if it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from faultkit.kit import Bench, Check, Split, final_check, quietly, start, take_down

Step = Callable[[Bench], None]  # raises OSError if it fails


@dataclass(frozen=True, slots=True)
class Life:
    """The steps of a driver's life, from the first that is called `since` on, each as a request.

    Behind a step that fails the driver is mended, so that the next meets a sound one.
    """

    STEPS: ClassVar[Sequence[tuple[str, Step]]]

    since: str = "reload"
    deadline_s: float = 120.0
    late_s: float = 60.0

    def run(self, bench: Bench) -> Check:
        names = [op for op, _ in self.STEPS]
        for op, step in self.STEPS[names.index(self.since) :]:
            if not succeeds(bench, op, step):
                succeeds(bench, "mend", mend)
        return partial(check, bench)


def succeeds(bench: Bench, op: str, step: Step) -> bool:
    """Run a step as a request; True if it was completed."""
    done = False
    with suppress(OSError), bench.request(op):
        step(bench)
        done = True
    return done


def reload(bench: Bench) -> None:
    """Reload both halves."""
    driver = bench.driver
    quietly(partial(take_down, driver))  # it may have failed half way before: loading tells
    start(driver)
    driver.attach()


def rejoin(bench: Bench) -> None:
    """Start a new u-driver for the same k-driver."""
    driver = bench.driver
    if isinstance(driver, Split):
        driver.stop_udriver()
        driver.start_udriver()
        driver.reattach()


def mend(bench: Bench) -> None:
    """Start a new u-driver; if that does not help, reload both halves."""
    try:
        rejoin(bench)
    except OSError:
        reload(bench)


def check(bench: Bench) -> None:
    """Check that the driver serves at the end of its life, and report the result."""
    with final_check(bench):
        bench.driver.probe()
