"""Faults whose answer is known: they test the instrument itself."""

from __future__ import annotations

import signal
from itertools import product
from typing import Any

import pytest

from drivers.nbd import VerifiedIO
from faultkit import AtOnce, AtRequest, Nothing, Outcome, ReloadKDriver, RestartUDriver
from faultkit.machine.qemu import Guest
from faultkit.model.errors import NotPlaced
from faultkit.model.events import Ending
from faultkit.model.processor import PAUSE_AS_NOP
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from injectors.tools.machine_code.instructions import prologue_bytes
from injectors.udriver.crash import Crash
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.memory import Memory
from tests.guest.conftest import known_parts, recovery_parts
from tests.guest.expected import gone

pytestmark = pytest.mark.guest

UD2, ENDLESS_LOOP, LOOP_WITHOUT_INTERRUPTS = "0f0b", "ebfe", "faebfe"
DMA_MAPPING_ERROR = -1
REQUEST_PATHS = [("rtl8139", "cp_start_xmit"), ("nbd", "nbd_queue_rq")]
in_each_request_path = pytest.mark.parametrize(("driver", "function"), REQUEST_PATHS)


@pytest.fixture
def path(request: pytest.FixtureRequest, driver: str) -> PreparedGuest:
    """The guest with that driver."""
    bed: PreparedGuest = request.getfixturevalue(driver)
    return bed


def written(bed: PreparedGuest, function: str, code: str, **parts: Any) -> Ran:
    """A trial with that code at the beginning of a function, from the 20th request on."""
    return bed.run(fault=Text("write", function=function, new=code), trigger=AtRequest(20), **parts)


@in_each_request_path
def test_an_illegal_instruction_in_the_request_path_crashes_and_names_the_function(
    path: PreparedGuest, function: str
) -> None:
    ran = written(path, function, UD2)
    assert ran.outcome is Outcome.CRASHED
    assert ran.record.ending is Ending.PANICKED
    assert (ran.verdict.crash_kind, ran.verdict.crash_function) == ("invalid opcode", function)
    assert ran.first("fault.injected").t_ns < ran.first("fault.activated").t_ns < ran.first("kernel.oops").t_ns


@in_each_request_path
def test_an_endless_loop_in_the_request_path_is_a_lockup(path: PreparedGuest, function: str) -> None:
    ran = written(path, function, ENDLESS_LOOP)
    assert ran.outcome is Outcome.CRASHED
    assert (ran.verdict.crash_kind, ran.verdict.crash_function) == ("soft lockup", function)
    assert ran.first("kernel.lockup").t_ns - ran.first("fault.activated").t_ns < 10e9, "virtual time"


@in_each_request_path
def test_an_endless_loop_without_interrupts_is_ended_by_the_watchdog(path: PreparedGuest, function: str) -> None:
    ran = written(path, function, LOOP_WITHOUT_INTERRUPTS)
    assert ran.outcome is Outcome.CRASHED
    assert ran.record.ending is Ending.WATCHDOG
    assert ran.verdict.activated
    assert ran.count("request.issued") >= 19, "the agent's log outlives its guest"


def test_the_guests_kernel_spins_without_leaving_translated_code(nbd: PreparedGuest) -> None:
    changed = nbd.template.manifest["pauses_removed"]
    assert changed, "none of the functions has a `pause`: a trial that waits for a lock for ever takes half a minute"
    with Guest(nbd.template.machine, nbd.template.files, fork_of=nbd.template.state) as guest:
        guest.load()
        assert {guest.gdb.read(address, len(PAUSE_AS_NOP)) for address in changed} == {PAUSE_AS_NOP}


@in_each_request_path
def test_what_a_crashed_guest_did_until_then_is_not_lost(path: PreparedGuest, function: str) -> None:
    ran = written(path, function, UD2)
    assert ran.count("trial.started") == ran.count("fault.injected") == 1
    assert ran.first("fault.activated").t_ns > 0
    assert ran.count("request.issued") >= 19


@pytest.mark.parametrize("fault", [Kill(), Crash("SIGSEGV"), Crash("SIGABRT")])
def test_a_dead_server_without_a_policy_is_the_end_of_the_service(nbd: PreparedGuest, fault: Any) -> None:
    ran = nbd.run(fault=fault, trigger=AtRequest(30), policy=Nothing())
    assert ran.outcome is gone(ran.record)
    assert ran.verdict.udriver_died and ran.verdict.detected_by == "pidfd"
    assert ran.verdict.recoveries == 0 and not ran.count("service.restored")


@pytest.mark.parametrize("fault", [Kill(), Crash("SIGSEGV"), Crash("SIGABRT")])
def test_a_dead_server_is_replaced_and_every_acknowledged_byte_is_there(nbd: PreparedGuest, fault: Any) -> None:
    ran = nbd.run(fault=fault, trigger=AtRequest(30), policy=RestartUDriver())
    assert ran.outcome is Outcome.RECOVERED, ran.story()
    assert ran.verdict.udriver_died and ran.verdict.recoveries == 1
    assert ran.first("check.passed").data["blocks"] > 0
    assert ran.count("request.completed") == nbd.golden.workload.requests  # type: ignore[attr-defined]
    assert ran.count("request.failed") == 0


def test_a_stopped_server_is_found_by_the_heartbeat_and_replaced(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=Hang(), trigger=AtRequest(30), policy=RestartUDriver())
    assert ran.outcome is Outcome.RECOVERED, ran.story()
    assert ran.verdict.detected_by == "heartbeat"
    assert ran.first("check.passed").data["blocks"] > 0


def test_a_stopped_server_without_a_policy_is_missed(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=Hang(), trigger=AtRequest(30), policy=Nothing())
    assert ran.outcome is gone(ran.record)
    assert not ran.verdict.udriver_died


def test_who_is_stuck_outside_of_any_request_hangs_all_the_same(nbd: PreparedGuest) -> None:
    """fsync() waits for the server; no request is open."""
    clean, stopped = (
        nbd.run(workload=recovery_parts.WritesBack(), policy=Nothing(), **parts)
        for parts in ({}, {"fault": Hang(), "trigger": AtRequest(2)})
    )
    assert clean.outcome is Outcome.MASKED, clean.story()
    assert stopped.outcome is Outcome.HUNG and stopped.count("request.completed") == 2, stopped.story()
    assert stopped.first("request.stuck").data["op"] == "between requests"


def test_a_server_that_forgets_loses_acknowledged_data(nbd_memory: PreparedGuest) -> None:
    ran = nbd_memory.run(fault=Kill(), trigger=AtRequest(60), policy=RestartUDriver())
    assert ran.outcome is Outcome.CORRUPT
    assert ran.count("service.restored") == 1, "the service itself came back"
    assert ran.count("read.mismatched") > 1


def test_requests_of_nbd_client_fail_at_once_without_a_server(nbd_client: PreparedGuest) -> None:
    ran = nbd_client.run(fault=Kill(), trigger=AtRequest(30), policy=Nothing(), workload=VerifiedIO(depth=1))
    assert ran.outcome is Outcome.LOST
    assert not ran.count("request.stuck")
    assert ran.first("request.failed").t_ns - ran.first("fault.activated").t_ns < 0.5e9


def test_requests_of_nbd_client_that_were_in_flight_fail_when_their_time_is_over(nbd_client: PreparedGuest) -> None:
    """Without a request timeout nbd.ko would neither send them again nor fail them.

    Which of the four have been sent when the server dies is up to the moment, so several moments are asked.
    """
    killed = {"fault": Kill(), "policy": Nothing(), "workload": VerifiedIO(depth=4)}
    ran = nbd_client.run_all([{"trigger": AtRequest(nth), **killed} for nth in range(26, 34)])
    assert all(one.outcome is Outcome.LOST and not one.count("request.stuck") for one in ran)

    assert sum(0.9 < seconds < 2.5 for seconds in (max(longest_failures_s(one)) for one in ran)) >= len(ran) / 2


def longest_failures_s(ran: Ran) -> list[float]:
    """The seconds that each request took to fail."""
    return [event.data["latency_ns"] / 1e9 for event in ran.events("request.failed")]


def test_nbd_by_ioctl_serves_and_without_its_server_every_request_fails(nbd_ioctl: PreparedGuest) -> None:
    clean, killed = (
        nbd_ioctl.run(policy=Nothing(), **parts) for parts in ({}, {"fault": Kill(), "trigger": AtRequest(30)})
    )
    assert clean.outcome is Outcome.MASKED and clean.first("check.passed").data["blocks"] > 0, clean.story()
    assert killed.outcome is Outcome.LOST and not killed.count("request.stuck"), killed.story()
    assert max(longest_failures_s(killed)) < 2.5


def test_nbd_by_ioctl_connected_anew_serves_again(nbd_ioctl: PreparedGuest) -> None:
    for fault in (Kill(), Hang()):
        ran = nbd_ioctl.run(fault=fault, trigger=AtRequest(30), policy=RestartUDriver())
        assert ran.outcome is Outcome.DISRUPTED and ran.count("service.restored") == 1, ran.story()
        assert ran.first("check.passed").data["blocks"] > 0


def test_nbd_client_connected_anew_serves_again_but_not_unnoticed(nbd_client: PreparedGuest) -> None:
    ran = nbd_client.run(fault=Kill(), trigger=AtRequest(30), policy=RestartUDriver())
    assert ran.outcome is Outcome.DISRUPTED, ran.story()
    assert ran.count("request.failed") > 0 and ran.count("service.restored") == 1
    assert ran.count("request.completed") == nbd_client.golden.workload.requests  # type: ignore[attr-defined]
    assert ran.first("check.passed").data["blocks"] > 0


def test_a_reloaded_network_driver_serves_again(rtl8139: PreparedGuest) -> None:
    """A driver whose packets cannot be mapped for DMA sends nothing; the arming outlives the driver."""
    ran = rtl8139.run(
        fault=CallError("dma_map_page_attrs", DMA_MAPPING_ERROR, times=0), trigger=AtRequest(20), policy=ReloadKDriver()
    )
    assert ran.outcome >= Outcome.DISRUPTED
    assert ran.verdict.detected_by == "heartbeat" and ran.verdict.kdriver_reloaded
    assert ran.count("fault.activated") > 3


@pytest.mark.parametrize(
    ("driver", "fault", "answer"),
    [
        ("nbd", Kill(), Outcome.RECOVERED),
        ("nbd", Hang(), Outcome.RECOVERED),
        ("nbd", Text("write", function="nbd_queue_rq", new=UD2), Outcome.CRASHED),
        ("rtl8139", Text("write", function="cp_start_xmit", new=UD2), Outcome.CRASHED),
    ],
)
def test_an_answer_is_the_same_for_ten_seeds_of_the_workload(path: PreparedGuest, fault: Any, answer: Outcome) -> None:
    policy = RestartUDriver() if fault.side == "u-driver" else Nothing()
    trials = [{"fault": fault, "trigger": AtRequest(20), "policy": policy, "seed": seed} for seed in range(2, 12)]
    assert [ran.outcome for ran in path.run_all(trials)] == [answer] * 10


@pytest.mark.parametrize("seed", range(2, 12))
def test_a_flipped_bit_in_served_data_is_corrupt(nbd: PreparedGuest, seed: int) -> None:
    ran = nbd.run(fault=known_parts.FlippedDisk(), trigger=AtRequest(96), seed=seed)
    assert ran.outcome is Outcome.CORRUPT
    assert ran.first("read.mismatched").data["block"] == ran.first("fault.injected").data["block"]
    assert ran.first("read.mismatched").data["wrong_bytes"] == 1


@pytest.mark.parametrize("call", [("dma_map_page_attrs", DMA_MAPPING_ERROR), ("napi_alloc_skb", 0)])
@pytest.mark.parametrize(("nth", "times"), [(1, 1), (5, 3), (2, 7)])
def test_a_call_fails_exactly_as_often_as_asked(
    rtl8139: PreparedGuest, call: tuple[str, int], nth: int, times: int
) -> None:
    ran = rtl8139.run(fault=CallError(*call, nth=nth, times=times), trigger=AtRequest(20))
    assert ran.count("fault.activated") == times
    assert ran.outcome is Outcome.MASKED, "TCP sends again what was dropped"


def test_a_call_that_never_comes_is_inactive(rtl8139: PreparedGuest, nbd: PreparedGuest) -> None:
    for bed, call in ((rtl8139, ("dma_map_page_attrs", DMA_MAPPING_ERROR)), (nbd, ("sock_sendmsg", -32))):
        ran = bed.run(fault=CallError(*call, nth=1_000_000), trigger=AtRequest(20))
        assert ran.outcome is Outcome.INACTIVE
        assert ran.verdict.injected and not ran.count("fault.activated")


def test_every_call_by_the_driver_is_met_and_those_by_others_are_spared(nbd: PreparedGuest) -> None:
    """The server answers by sendmsg, too. The driver sends a read's head; of a write the head and the data."""
    fault = CallDelay("sock_sendmsg", 1, times=0)
    ran = nbd.run(fault=fault, trigger=AtOnce(), workload=VerifiedIO(requests=60, depth=1))
    activated = ran.events("fault.activated")
    armed = ran.first("fault.injected").t_ns, activated[-1].t_ns
    issued = [e.data["op"] for e in ran.events("block.issued") if armed[0] < e.t_ns < armed[1]]
    assert len(activated) == issued.count("R") + 2 * issued.count("W") > 60


@pytest.mark.parametrize(("nth", "times"), [(1, 1), (5, 3), (2, 7)])
def test_a_call_is_delayed_exactly_as_often_and_as_long_as_asked(nbd: PreparedGuest, nth: int, times: int) -> None:
    delay_us = 17_000
    ran = nbd.run(
        fault=CallDelay("sock_sendmsg", delay_us, nth=nth, times=times),
        trigger=AtRequest(20),
        workload=VerifiedIO(depth=1),
    )
    assert ran.outcome is Outcome.MASKED
    assert ran.count("fault.activated") == times
    sends = [e.data["latency_ns"] for e in ran.events("call.returned", function="nbd_send_cmd")]
    assert sum(latency_ns // (delay_us * 1000) for latency_ns in sends) == times, "a write sends twice: head and data"


def test_a_bit_that_the_server_uses_is_activated(nbd: PreparedGuest) -> None:
    """Not every thread comes to run again, but of some the next return address has been changed."""
    aimed = known_parts.AimedMemory(hot=True)
    runs = nbd.run_all([{"fault": aimed, "trigger": AtRequest(n)} for n in range(2, 62, 5)])
    used = [ran for ran in runs if ran.verdict.activated]
    assert used
    for ran in used:
        injected = ran.first("fault.injected")
        assert (injected.data["old"] ^ injected.data["new"]).bit_count() == 1
        assert ran.first("fault.activated").t_ns >= injected.t_ns
        assert ran.count("fault.activated") == 1, "one thread uses its stack"
    ends = (signal.SIGSEGV, signal.SIGILL, signal.SIGBUS, signal.SIGABRT)
    assert any(ran.count("udriver.signalled", signal=end) for ran in used for end in ends), "it returned to nowhere"
    assert all(ran.outcome is Outcome.INACTIVE for ran in runs if ran not in used)


def test_a_bit_that_the_server_never_looks_at_is_inactive(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=known_parts.AimedMemory(hot=False), trigger=AtRequest(20))
    assert ran.count("fault.injected") == 1
    assert ran.outcome is Outcome.INACTIVE


def test_every_region_of_the_servers_memory_can_be_drawn_from(nbd: PreparedGuest) -> None:
    draws = [{"fault": Memory(region, draw * 0x9E3779B97F4A7C15 % 2**64), "trigger": AtRequest(20)}
             for draw, region in product(range(1, 4), ("heap", "stack", "data"))]  # fmt: skip
    runs = nbd.run_all(draws)
    assert all(ran.count("fault.injected") == 1 for ran in runs)
    assert len({ran.first("fault.injected").data["address"] for ran in runs}) == len(runs)


def test_a_region_that_no_process_has_is_not_placed(nbd: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="no memory region 'cellar'"):
        nbd.run(fault=Memory("cellar"), trigger=AtRequest(20))


def test_the_guest_finds_the_bytes_where_they_were_put(nbd: PreparedGuest) -> None:
    text = Text("write", function="status_cb", new=UD2)  # runs only when somebody asks for nbd's status
    ran = nbd.run(fault=known_parts.ReadBack(text), trigger=AtRequest(20))
    assert ran.first("text.found").data["code"] == UD2
    assert ran.outcome is Outcome.INACTIVE, "code that is never executed is no evidence"


def test_the_witness_of_changed_code_is_its_first_execution(nbd: PreparedGuest) -> None:
    """Seen by two clocks: from inside by a monitor, from outside by the host."""
    [function] = [f for f in nbd.template.code["nbd"].functions if f.name == "nbd_queue_rq"]
    start = prologue_bytes(function.code)
    same = function.code[start : start + 2].hex()
    ran = written(nbd, "nbd_queue_rq", same, workload=VerifiedIO(depth=1))
    assert ran.outcome is Outcome.MASKED
    injected, activated = ran.first("fault.injected").t_ns, ran.first("fault.activated").t_ns
    entered, returned = (
        next(e for e in ran.events(f"call.{kind}", function="nbd_queue_rq") if e.t_ns > injected)
        for kind in ("entered", "returned")
    )
    assert injected < entered.t_ns < activated < returned.t_ns
    issued = next(e for e in ran.events("block.issued") if e.t_ns > injected)
    assert issued.t_ns < returned.t_ns
    assert activated < issued.t_ns + 200_000, "the driver issues the request behind the site; the clocks differ by that"


def test_a_changed_site_of_every_operator_is_executed(nbd: PreparedGuest) -> None:
    for operator in ("bit_flip", "nop", "inverted_branch"):
        draws = [{"fault": Text(operator, n << 59), "trigger": AtRequest(20)} for n in range(3, 32, 4)]
        runs = nbd.run_all(draws)
        assert any(ran.verdict.activated for ran in runs) and not all(ran.verdict.activated for ran in runs)
        assert all(ran.outcome >= Outcome.LOST for ran in runs if not ran.verdict.activated
                   and ran.outcome is not Outcome.INACTIVE)  # fmt: skip


def test_a_driver_without_a_udriver_cannot_lose_one(rtl8139: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="Rtl8139 has no u-driver"):
        rtl8139.run(fault=Kill(), trigger=AtRequest(5))


def test_a_function_that_does_not_exist_is_not_placed(nbd: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="the kernel has no function 'no_such_function'"):
        nbd.run(fault=CallError("no_such_function", 0), trigger=AtRequest(5))
    with pytest.raises(NotPlaced, match="nbd has no function 'no_such_function'"):
        nbd.run(fault=Text("write", function="no_such_function", new=UD2), trigger=AtRequest(5))
