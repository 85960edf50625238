"""A campaign on guests that were taken over: every trial has a row, and none ends the campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.nbd import Nbd
from faultkit import AtRequest
from faultkit.machine.image import Image
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.campaign import run_valid
from faultkit.running.judging import keep
from faultkit.store.store import Store
from monitors.kernel import Kernel
from monitors.requests import Requests
from tests.guest.conftest import bed, hostile_parts
from tests.synthetic import meta

pytestmark = pytest.mark.guest
Hostile, Wilful = hostile_parts.Hostile, hostile_parts.Wilful
ATTACKS = (
    Hostile("logs", '["soon", "workload", "request.issued", {"n": 1, "op": "x"}]'),
    Hostile("breaks", "garbage"),
    Hostile("breaks", '{"kind": "NotPlaced", "error": "\\u001b[2J"}'),
    Hostile("ends with", "[]"),
    Hostile("panics"),
    Hostile(),
)


@pytest.fixture(scope="module")
def guest(image: Image) -> PreparedGuest:
    """nbd under a workload that was taken over."""
    return bed(image, Nbd(), Hostile(), (Requests(), Kernel()), (Wilful("leaves"), AtRequest(1)))


def test_every_trial_has_a_row_and_a_verdict_or_a_reason(guest: PreparedGuest, tmp_path: Path) -> None:
    base = guest.template
    with Store.create(tmp_path / "run", meta(len(ATTACKS))) as store:
        for n, attack in enumerate(ATTACKS):
            keep(store, run_valid(base, n, guest.trial(workload=attack)))
        ends = list(store.select("SELECT outcome, void FROM trials ORDER BY n"))
    assert [outcome for outcome, _ in ends] == ["MASKED", None, None, "MASKED", "CRASHED", "MASKED"]
    assert ends[1][1].startswith("the guest's agent failed, and its report cannot be read: 'garbage'")
    assert ends[2][1] == "\u241b[2J"
