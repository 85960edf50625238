"""Each monitor reports exactly what was done before its eyes, in prime numbers."""

from __future__ import annotations

from collections import Counter

import pytest

from drivers.nbd import VerifiedIO
from faultkit import AtRequest, Outcome, ReloadKDriver, RestartUDriver
from faultkit.model.codec import short_name
from faultkit.model.events import Ending
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.text import Text
from injectors.udriver.kill import Kill
from tests.guest.conftest import known_parts

pytestmark = pytest.mark.guest


@pytest.fixture(scope="module")
def bustle(nbd: PreparedGuest) -> Ran:
    """A trial with known numbers of everything."""
    fault = known_parts.Bustle(signals=7, processes=5, modules=3, warnings=7, notices=3)
    return nbd.run(fault=fault, trigger=AtRequest(20), workload=VerifiedIO(depth=1))


def test_block_requests_are_the_workloads(nbd: PreparedGuest) -> None:
    ran = nbd.run(workload=known_parts.Pages(97))
    issued, completed = (ran.events(f"block.{kind}", op="W") for kind in ("issued", "completed"))
    assert [e.data["sector"] for e in issued] == [8 * n for n in range(97)]
    assert sorted(e.data["sector"] for e in completed) == [8 * n for n in range(97)]
    assert {e.data["bytes"] for e in (*issued, *completed)} == {4096}
    assert {e.data["error"] for e in completed} == {0}
    began = {e.data["sector"]: e.t_ns for e in issued}
    assert all(e.t_ns - began[e.data["sector"]] == e.data["latency_ns"] > 0 for e in completed)


def test_network_packets_are_the_workloads(rtl8139: PreparedGuest) -> None:
    ran = rtl8139.run(workload=known_parts.Datagrams(97, size_bytes=1003))
    headers, ethernet = 42, 14
    assert ran.count("net.issued", bytes=1003 + headers) == 97
    assert ran.count("net.received", bytes=1003 + headers - ethernet) == 97
    assert ran.count("net.completed") == ran.count("net.issued")


def test_a_call_is_entered_and_returned_and_each_packet_is_one(rtl8139: PreparedGuest, nbd: PreparedGuest) -> None:
    ran = rtl8139.run()
    entered, returned = (Counter(e.data["function"] for e in ran.events(f"call.{k}")) for k in ("entered", "returned"))
    assert entered == returned
    end_ns = ran.first("trial.finished").t_ns  # a packet sent while the monitors are collected is seen by only one
    sent = [e for e in ran.events("call.entered", function="cp_start_xmit") if e.t_ns < end_ns]
    assert len(sent) == len([e for e in ran.events("net.issued") if e.t_ns < end_ns]) > 0
    ran = nbd.run()
    entered, returned = (Counter(e.data["function"] for e in ran.events(f"call.{k}")) for k in ("entered", "returned"))
    assert entered == returned
    assert entered["nbd_queue_rq"] == entered["nbd_complete_rq"] == ran.count("block.issued")
    assert not [name for name in entered if name.startswith("0x")], "every address has its name"


def test_signals_to_the_udriver_are_counted(bustle: Ran) -> None:
    assert bustle.count("udriver.signalled", signal=18) == bustle.count("udriver.signalled") == 7


def test_processes_of_the_udrivers_name_are_counted(bustle: Ran) -> None:
    started, exited = bustle.events("udriver.started"), bustle.events("udriver.exited")
    assert len(started) == 5
    assert [e.data["pid"] for e in started] == [e.data["pid"] for e in exited]
    assert {(e.data["status"], e.data["signal"]) for e in exited} == {(0, 0)}


def test_modules_that_come_and_go_are_counted(bustle: Ran) -> None:
    assert bustle.count("module.loaded", name="dummy") == bustle.count("module.loaded") == 3
    assert bustle.count("module.unloaded", name="dummy") == bustle.count("module.unloaded") == 3


def test_kernel_messages_are_counted_from_warnings_up(bustle: Ran) -> None:
    lines = bustle.events("kernel.message")
    assert [e.data["text"] for e in lines] == [
        f"known line {n}" for n in range(7)
    ]  # the kernel takes ten lines in a row from one writer
    assert {e.data["level"] for e in lines} == {4}
    before = [e for e in bustle.record.events if e.kind == "request.completed" and e.t_ns <= lines[0].t_ns]
    assert len(before) == 19, "the kernel's clock agrees with the workload's"
    assert lines[-1].t_ns <= bustle.first("fault.injected").t_ns


def test_resources_are_sampled_at_the_freeze_and_at_the_end(nbd: PreparedGuest) -> None:
    first, last = nbd.run().events("resources.sampled")
    for sample in (first, last):
        assert sample.data["module_refs"] == {"nbd": 1}
        assert all(sample.data[name] > 0 for name in ("slab_bytes", "rss_bytes", "fds", "cpu_s"))
    assert first.data["fds"] == last.data["fds"]
    assert first.data["cpu_s"] < last.data["cpu_s"], "it has worked in between"


def test_a_killed_and_replaced_udriver_is_seen_to_die_and_to_start(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=Kill(), trigger=AtRequest(20), policy=RestartUDriver())
    pid = ran.first("fault.injected").data["pid"]
    assert ran.first("udriver.signalled", pid=pid).data["signal"] == 9
    assert ran.count("udriver.exited", pid=pid, signal=9) == 1
    assert ran.first("udriver.exited").t_ns <= ran.first("udriver.started").t_ns


def test_a_reload_of_the_kdriver_is_seen(nbd_client: PreparedGuest) -> None:
    ran = nbd_client.run(fault=Kill(), trigger=AtRequest(20), policy=ReloadKDriver(limit=1))
    assert ran.verdict.recoveries == 1
    assert ran.count("module.unloaded", name="nbd") == ran.count("module.loaded", name="nbd") == 1


def test_what_does_not_fit_is_counted_as_lost(nbd: PreparedGuest) -> None:
    ran = nbd.run(workload=VerifiedIO(requests=1200))
    kept = ran.count("call.entered") + ran.count("call.returned")
    lost = {short_name(monitor): count for monitor, count in ran.record.lost.items()}
    assert lost["calls"] > 0 and lost["requests"] == 0
    calls_of_each = 8  # entries and returns of four functions a request, besides the heartbeat's
    assert kept + lost["calls"] >= calls_of_each * 1200
    assert kept == 128 * 4096 // 32 - 1, "the buffer is as full as the kernel lets it be"


def test_nothing_of_one_trial_is_left_for_the_next(nbd: PreparedGuest) -> None:
    one, two = (nbd.run(workload=known_parts.Pages(n)) for n in (101, 3))
    assert (one.count("block.issued", op="W"), two.count("block.issued", op="W")) == (101, 3)


def test_what_was_seen_before_a_crash_is_fetched_from_outside(nbd: PreparedGuest) -> None:
    fault = Text("write", function="nbd_queue_rq", new="0f0b")
    ran = nbd.run(fault=fault, trigger=AtRequest(53), workload=known_parts.Pages(97))
    assert (ran.outcome, ran.record.ending) == (Outcome.CRASHED, Ending.PANICKED)
    assert not any(ran.record.lost.values())
    assert ran.count("request.completed") == 52
    assert [e.data["sector"] for e in ran.events("block.issued", op="W")] == [8 * n for n in range(52)]
    assert ran.count("block.completed", op="W") == 52
    entered, returned = (ran.count(f"call.{k}", function="nbd_queue_rq") for k in ("entered", "returned"))
    assert (entered - returned) == 1, "one call was entered and never came back"


def test_packets_before_a_crash_are_fetched_from_outside(rtl8139: PreparedGuest) -> None:
    fault = Text("write", function="cp_start_xmit", new="0f0b")
    ran = rtl8139.run(fault=fault, trigger=AtRequest(53), workload=known_parts.Datagrams(97, size_bytes=1003))
    assert ran.outcome is Outcome.CRASHED and not any(ran.record.lost.values())
    assert ran.count("net.issued", bytes=1045) in (52, 53), "the tracepoint lies before the driver's function"
    assert ran.count("net.received", bytes=1031) == 52
