"""Tools that workloads share: patience with a driver in trouble, seeded data, and the final check."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from faultkit.guest.bring_up import RETRY_S
from faultkit.model.errors import words_of
from faultkit.model.events import Kind
from faultkit.model.parts import Bench

NOISE_BYTES = 65521  # a prime, so that seeds of any pattern begin at different places
NOISE = random.Random(0).randbytes(NOISE_BYTES) * 2  # noqa: S311 -- twice, so that a piece may begin anywhere
SEED_BYTES = 8


@dataclass(slots=True)
class Patience:
    """How long a workload goes on without success: `give_up_s` of virtual time."""

    bench: Bench
    give_up_s: float
    trouble_since: float | None = None

    def renew(self) -> None:
        """A request has succeeded."""
        self.trouble_since = None

    def is_over(self) -> bool:
        """After a failure: pause before the next try, or report that the workload gives up."""
        now = time.monotonic()
        if self.trouble_since is None:
            self.trouble_since = now
        if now - self.trouble_since > self.give_up_s:
            self.bench.report("workload", Kind.WORKLOAD_GAVE_UP, why=f"no success for {self.give_up_s:g} s")
            return True
        time.sleep(RETRY_S)
        return False


def seeded_bytes(seed: int, length: int) -> bytes:
    """So many bytes that look random, for the price of a copy: drawing each takes a trial's longest loop.

    First the seed, in eight bytes, then noise, which repeats itself after 64 KiB. Two seeds' bytes differ, and noise of
    one seed is in the noise of another at another place only. Raises: OverflowError for a seed beyond 64 bits.
    """
    count = max(length - SEED_BYTES, 0)
    start = seed % NOISE_BYTES
    noise = NOISE[start : start + min(count, NOISE_BYTES)]
    if count > NOISE_BYTES:
        noise = (noise * (count // NOISE_BYTES + 1))[:count]
    return (seed.to_bytes(SEED_BYTES, "little") + noise)[:length]


@contextmanager
def final_check(bench: Bench, **data: Any) -> Iterator[None]:
    """Report the end of a workload's final check: failed if it raises OSError, else passed, with `data`."""
    try:
        yield
    except OSError as reason:
        bench.report("workload", Kind.CHECK_FAILED, error=words_of(reason, of_system=True))
    else:
        bench.report("workload", Kind.CHECK_PASSED, **data)
