"""What do two thousand trials of all kinds cost, and the last hundred of them more than the first?

The last hundred are the first hundred again: what they cost more is the harness's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from experiments.census import rounds
from faultkit import Trial

TRIALS = 2000
AGAIN = 100


def trials(seed: int) -> Iterator[Trial]:
    """Rounds of the census, and their beginning once more."""
    return chain(islice(rounds(seed), TRIALS - AGAIN), islice(rounds(seed), AGAIN))
