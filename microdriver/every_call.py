"""A workload that makes every call between the halves of a driver, with a restart of each half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from faultkit.kit import Bench, Check, Split, final_check, quietly, start, take_down

Step = Callable[[Bench], None]  # raises OSError if it fails


@dataclass(frozen=True, slots=True)
class EveryCall:
    """The driver's steps in order, beginning with the first called `since`, each as a request.

    After a step that fails, a request "mend" repairs the driver, so that the next step meets a sound one.
    """

    STEPS: ClassVar[Sequence[tuple[str, Step]]]

    since: str = "reload"
    deadline_s: float = 120.0
    late_s: float = 60.0

    def run(self, bench: Bench) -> Check:
        names = [op for op, _ in self.STEPS]
        for op, step in self.STEPS[names.index(self.since) :]:
            if not succeeds(bench, op, step):
                succeeds(bench, "mend", repair)
        return partial(check, bench)


def succeeds(bench: Bench, op: str, step: Step) -> bool:
    """Make a step a request; True if it completes."""
    done = False
    with suppress(OSError), bench.request(op):
        step(bench)
        done = True
    return done


def restart(bench: Bench) -> None:
    """Take both halves down, and bring them up."""
    driver = bench.driver
    quietly(partial(take_down, driver))  # a half may be down already; if not, loading fails
    start(driver)
    driver.attach()


def restart_udriver(bench: Bench) -> None:
    """Replace the u-driver; the k-driver stays."""
    driver = bench.driver
    if isinstance(driver, Split):
        driver.stop_udriver()
        driver.start_udriver()
        driver.reattach()


def repair(bench: Bench) -> None:
    """Replace the u-driver; if that does not help, restart both halves."""
    try:
        restart_udriver(bench)
    except OSError:
        restart(bench)


def check(bench: Bench) -> None:
    """Check that the driver serves after the last step."""
    with final_check(bench):
        bench.driver.probe()
