"""Does reloading the module bring a lost device node back, and does a workload that had it open notice?

Expected: it comes back as soon as nobody has the module open; the workload notices nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from node_gone import NodeGone
from opens import Opens
from ringdriver import NODE, Ring, RoundTrips

from faultkit import AtRequest, Nothing, ReloadKDriver, Trial
from faultkit.kit import Policy


def trials(seed: int) -> Iterator[Trial]:
    """With recovery and without, at different moments."""
    policies: tuple[Policy, ...] = (ReloadKDriver(), Nothing())
    for nth in (1, 15, 30):
        for policy in policies:
            yield Trial(
                driver=Ring(),
                workload=RoundTrips(),
                monitors=(Opens(),),
                policy=policy,
                seed=seed + nth,
                fault=NodeGone(NODE),
                trigger=AtRequest(nth),
            )
