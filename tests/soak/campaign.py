"""Does a campaign lose, double or change a trial when its harness and its QEMUs come to harm?

Expected: no. The faults are those of quickstart_nbd, in trials that cost half a second.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from drivers.nbd import Nbd, VerifiedIO
from experiments.quickstart_nbd import faults
from faultkit import AtRequest, RestartUDriver, Trial

ROUNDS = 20
REQUESTS = 24


def trials(seed: int) -> Iterator[Trial]:
    """Rounds of one golden trial and each of the faults."""
    draw = random.Random(seed)
    for _ in range(ROUNDS):
        golden = Trial(driver=Nbd(), workload=VerifiedIO(requests=REQUESTS), policy=RestartUDriver(), seed=0)
        for fault in (None, *faults(draw)):
            yield Trial(
                driver=golden.driver,
                workload=golden.workload,
                policy=golden.policy,
                fault=fault,
                trigger=AtRequest(draw.randint(1, REQUESTS)) if fault else None,
                seed=draw.getrandbits(32),
            )
