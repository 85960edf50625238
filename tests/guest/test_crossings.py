"""The monitor of crossings tells of every message, in prime numbers, also of new u-drivers and k-drivers."""

from __future__ import annotations

import errno

import pytest

from drivers.edu import EduIO
from faultkit import AtRequest, ReloadKDriver
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill

pytestmark = pytest.mark.guest
REQUESTS = 7
FACTORIALS = EduIO(requests=REQUESTS - 1, ops=("factorial",))  # the check asks for one more


def crossed(ran: Ran, direction: str, call: str) -> int:
    return ran.count("crossing.passed", instance="edu0", direction=direction, call=call)


def test_every_message_of_every_call_is_told_once(edu: PreparedGuest) -> None:
    ran = edu.run(workload=FACTORIALS)
    ways = [("upcall", "factorial"), ("downcall", "wait"), ("result", "wait"), ("return", "factorial")]
    assert [crossed(ran, *way) for way in ways] == [REQUESTS] * len(ways)
    assert ran.count("upcall.ended", call="factorial", status=0) == REQUESTS
    assert all(f.data["bytes"] > 0 for f in ran.events("crossing.passed", call="factorial"))
    took = [e.data["latency_ns"] for e in ran.events("upcall.ended", call="factorial")]
    requests = [e.data["latency_ns"] for e in ran.events("request.completed", op="factorial")]
    assert 0 < max(took) < max(requests)
    assert set(ran.record.lost.values()) == {0}


def test_an_upcall_whose_udriver_dies_has_ended_with_an_error(edu: PreparedGuest) -> None:
    ran = edu.run(fault=Channel("kill", "upcall", message="factorial"), trigger=AtRequest(3))
    assert ran.verdict.udriver_died
    assert ran.count("upcall.ended", call="factorial", status=-errno.EIO) == 1
    failed = ran.first("upcall.ended", call="factorial", status=-errno.EIO)
    assert ran.events("upcall.ended", call="factorial", status=0)[-1].t_ns > failed.t_ns, "and is made again"


def test_a_new_kdriver_is_seen_from_its_first_call_on(edu: PreparedGuest) -> None:
    ran = edu.run(fault=Kill(), trigger=AtRequest(3), policy=ReloadKDriver())
    assert ran.verdict.kdriver_reloaded
    assert [crossed(ran, *way) for way in (("upcall", "probe"), ("return", "probe"))] == [1, 1]
    assert crossed(ran, "downcall", "register") == crossed(ran, "result", "register") == 1
