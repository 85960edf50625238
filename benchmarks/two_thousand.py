"""How much do two thousand trials of all kinds cost, and do the last hundred cost more than the first?

The last hundred are the first hundred again, so any difference is the harness's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from experiments.census import rounds
from faultkit import Trial

TRIALS = 2000
AGAIN = 100


def trials(seed: int) -> Iterator[Trial]:
    """Rounds of the census, and the first hundred trials again."""
    return chain(islice(rounds(seed), TRIALS - AGAIN), islice(rounds(seed), AGAIN))
