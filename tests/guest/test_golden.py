"""Without a fault nothing is detected and nothing recovered: a hundred trials of each driver."""

from __future__ import annotations

import pytest

from faultkit import Outcome, ReloadKDriver, RestartUDriver
from faultkit.model.codec import full_name
from faultkit.model.events import Ending
from faultkit.model.parts import Policy
from faultkit.pytest_plugin.guests import PreparedGuest

pytestmark = pytest.mark.guest
TRIALS = 100
ALARMS = (
    "error.",
    "recovery.",
    "service.",
    "udriver.",
    "kernel.",
    "read.mismatched",
    "request.failed",
    "request.stuck",
)


@pytest.mark.parametrize(("driver", "policy"), [("nbd", RestartUDriver()), ("rtl8139", ReloadKDriver())])
def test_a_hundred_golden_trials_raise_no_alarm(request: pytest.FixtureRequest, driver: str, policy: Policy) -> None:
    bed: PreparedGuest = request.getfixturevalue(driver)
    runs = bed.run_all([{"seed": 7919 * n, "policy": policy} for n in range(TRIALS)])
    for n, ran in enumerate(runs):
        alarms = [e for e in ran.record.events if e.kind.startswith(ALARMS)]
        assert not alarms, f"trial {n}: {alarms}"
        assert (ran.outcome, ran.record.ending) == (Outcome.MASKED, Ending.FINISHED)
        assert ran.count("check.passed") == 1
        assert not any(ran.record.lost.values())
        assert set(ran.record.lost) == set(map(full_name, ran.record.trial.monitors))
    assert len({tuple(e.t_ns for e in ran.events("request.issued")) for ran in runs}) == TRIALS, "seeds differ"
