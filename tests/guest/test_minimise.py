"""Minimisation finds the one of several faults that is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit import AtRequest, Nothing
from faultkit.machine.image import Image
from faultkit.model.events import Outcome
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.minimise import SearchStep, minimise
from injectors.kdriver.call_delay import CallDelay
from injectors.several import Several
from injectors.udriver.kill import Kill
from tests.guest.stored import stored

pytestmark = pytest.mark.guest
HARMLESS = (CallDelay("sock_sendmsg", 10), CallDelay("sock_recvmsg", 10))


def test_a_kill_among_delays_that_harm_nobody(nbd: PreparedGuest, image: Image, tmp_path: Path) -> None:
    faults = (HARMLESS[0], Kill(), HARMLESS[1])
    trial = {"fault": Several(faults), "trigger": AtRequest(20), "policy": Nothing(), "seed": 3}
    told: list[SearchStep] = []
    with stored(nbd, tmp_path / "run", [trial]) as store:
        found = minimise(store, 0, image, told.append)
    assert found.outcome >= Outcome.LOST
    assert found.faults == (1,) and found.plans[0]["is"] == "injectors.udriver.kill:Kill"
    assert found.steps == tuple(told)
    assert found.steps[0].faults == (0, 1, 2), "first of all it must fail again"
    assert any(step.outcome is Outcome.MASKED for step in told), "the delays alone harm nobody"
