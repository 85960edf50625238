"""Several faults in one trial: each is put in, and each tells its own activation."""

from __future__ import annotations

import pytest

from faultkit import AtRequest, Nothing, Outcome
from faultkit.model.errors import NotPlaced
from faultkit.model.parts import Fault
from faultkit.pytest_plugin.guests import PreparedGuest
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.text import Text
from injectors.several import Several
from injectors.tools.machine_code.instructions import prologue_bytes
from injectors.udriver.kill import Kill
from tests.guest.expected import gone

pytestmark = pytest.mark.guest


def unchanged(bed: PreparedGuest, function: str) -> Text:
    """A function's first instruction bytes, written over themselves: a change that only its witness sees."""
    [found] = [f for f in bed.template.code["nbd"].functions if f.name == function]
    start = prologue_bytes(found.code)
    return Text("write", function=function, new=found.code[start : start + 2].hex())


def test_each_fault_is_confirmed_and_witnessed_by_its_position(nbd: PreparedGuest) -> None:
    faults: tuple[Fault, ...] = (
        unchanged(nbd, "nbd_send_cmd"),
        CallDelay("sock_sendmsg", 1),
        unchanged(nbd, "status_cb"),  # runs only when somebody asks for nbd's status
        unchanged(nbd, "nbd_queue_rq"),
    )
    ran = nbd.run(fault=Several(faults), trigger=AtRequest(20))
    assert [e.data["fault"] for e in ran.events("fault.injected")] == [0, 1, 2, 3]
    assert sorted(e.data["fault"] for e in ran.events("fault.activated")) == [0, 1, 3]
    assert ran.first("fault.injected", fault=3).data["function"] == "nbd_queue_rq"
    assert ran.outcome is Outcome.MASKED


def test_one_of_them_is_enough_for_an_outcome(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=Several((unchanged(nbd, "status_cb"), Kill())), trigger=AtRequest(20), policy=Nothing())
    assert [e.data["fault"] for e in ran.events("fault.activated")] == [1]
    assert ran.outcome is gone(ran.record)


def test_one_that_cannot_be_put_in_makes_the_trial_void(rtl8139: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="Rtl8139 has no u-driver"):
        rtl8139.run(fault=Several((Text("nop"), Kill())), trigger=AtRequest(5))
