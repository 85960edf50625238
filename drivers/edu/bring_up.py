"""A workload that brings the device up anew between checked writes and reads."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial

from drivers.edu.driver import opened
from drivers.edu.workload import check, step
from faultkit.kit import RETRY_S, Bench, Check, retry, run_in_order, start_anew


@dataclass(frozen=True, slots=True)
class EduBringUp:
    """Writes and reads; the driver is taken down, loaded and given a new u-driver; then writes and reads again, twice.

    The second time `lingers_s` later. One request at a time; one that fails is tried again until `give_up_s` of virtual
    time have passed. The device keeps what was written before, and is asked for it at the end.
    """

    transfers: int = 3  # before and after
    lingers_s: float = 5.0
    give_up_s: float = 10.0
    deadline_s: float = 50.0
    late_s: float = 10.0

    @property
    def begins_with(self) -> int:
        """The number of the request in which the driver is loaded."""
        return 1 + self.transfers

    def run(self, bench: Bench) -> Check:
        held: dict[int, bytes] = {}
        transfers = partial(self.move, bench, random.Random(bench.seed), held)
        run_in_order(
            bench, (transfers, partial(start_anew, bench), transfers, partial(time.sleep, self.lingers_s), transfers)
        )
        return partial(check, bench, held, with_factorial=False)

    def move(self, bench: Bench, rng: random.Random, held: dict[int, bytes]) -> None:
        """Writes and reads. Raises: OSError if it gives up."""
        for n in range(self.transfers):
            retry(partial(request, bench, "read" if n % 2 else "write", rng, held), self.give_up_s, RETRY_S)


def request(bench: Bench, op: str, rng: random.Random, held: dict[int, bytes]) -> None:
    """Make one request with a fresh handle. Raises: OSError."""
    with opened() as fd:
        step(bench, fd, op, rng, held)
