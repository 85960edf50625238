"""Faults in the u-driver whose answer is known: what was placed, what it did, and what is left when it is undone."""

from __future__ import annotations

import errno
import importlib
from typing import Any

import pytest

from drivers.nbd import VerifiedIO
from faultkit import AtRequest, Nothing, Outcome, RestartUDriver
from faultkit.model.errors import NotPlaced
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.udriver.disk_full import DiskFull
from injectors.udriver.fd_closed import FdClosed
from injectors.udriver.memory import Memory
from injectors.udriver.memory_limit import MemoryLimit
from injectors.udriver.registers import Registers
from injectors.udriver.signals import Signal
from injectors.udriver.slow import Slow
from injectors.udriver.syscall_delay import SyscallDelay
from injectors.udriver.syscall_error import SyscallError

known = importlib.import_module("known_udriver_faults")

pytestmark = pytest.mark.guest

ONE_BY_ONE = VerifiedIO(depth=1)
FRESH_BLOCKS = VerifiedIO(requests=240, depth=8)  # half of them beyond those that the warm-up wrote
DRAWS = [n * 0x9E3779B97F4A7C15 % 2**64 for n in range(1, 9)]


def hurt(nbd: PreparedGuest, fault: Any, **parts: Any) -> Ran:
    """A trial with the fault at the 20th request."""
    return nbd.run(**{"fault": fault, "trigger": AtRequest(20), "policy": Nothing()} | parts)


def issued_after_injection(ran: Ran, op: str) -> list[int]:
    """The numbers of the requests of a kind that were issued behind the injection, in order."""
    start = ran.first("fault.injected").t_ns
    return [e.data["n"] for e in ran.events("request.issued", op=op) if e.t_ns > start]


def test_a_signal_without_a_handler_is_the_end(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, Signal("SIGUSR1"))
    assert ran.count("udriver.exited", signal=10) == 1
    assert ran.verdict.activated and ran.outcome >= Outcome.LOST


def test_a_signal_with_a_handler_is_the_end_that_the_server_makes_of_it(nbd: PreparedGuest) -> None:
    """nbdkit refuses what still comes, and goes of its own accord."""
    ran = hurt(nbd, Signal("SIGTERM"))
    assert ran.count("fault.activated") == 1
    assert ran.first("udriver.exited").data["signal"] == 0
    assert ran.first("request.failed").t_ns < ran.first("udriver.exited").t_ns


def test_a_signal_that_the_server_ignores_is_inactive(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, Signal("SIGPIPE"))
    assert ran.count("udriver.signalled", signal=13) == 1
    assert ran.outcome is Outcome.INACTIVE


def test_the_disks_descriptor_closed_is_met_by_the_next_request(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, FdClosed("file"), workload=ONE_BY_ONE)
    assert ran.first("fault.injected").data["target"].endswith("disk.img")
    assert not ran.count("request.completed", n=20) and ran.count("request.failed", n=20) == 1
    assert ran.first("fault.activated").t_ns < ran.first("request.failed").t_ns
    assert not ran.verdict.udriver_died


def test_a_restarted_server_opens_its_disk_again(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, FdClosed("file"), policy=RestartUDriver())
    assert ran.outcome is Outcome.DISRUPTED, ran.story()
    assert ran.count("service.restored") == 1 and ran.first("check.passed").data["blocks"] > 0


def test_of_the_servers_sockets_only_the_connection_is_used(nbd: PreparedGuest) -> None:
    """The other one listens."""
    runs = nbd.run_all([{"fault": FdClosed("socket", draw), "trigger": AtRequest(20)} for draw in range(2)])
    assert len({ran.first("fault.injected").data["fd"] for ran in runs}) == 2
    assert {ran.verdict.activated for ran in runs} == {True, False}
    [used] = [ran for ran in runs if ran.verdict.activated]
    assert used.outcome >= Outcome.LOST and used.verdict.detected_by == "heartbeat"


def test_a_server_serves_without_its_pipes(nbd: PreparedGuest) -> None:
    """By them nbdkit's threads are told to end, which nobody does before the trial is over."""
    runs = nbd.run_all([{"fault": FdClosed("pipe", draw), "trigger": AtRequest(20)} for draw in range(2)])
    for ran in runs:
        assert ran.first("fault.injected").data["target"].startswith("pipe:")
        assert ran.outcome is Outcome.INACTIVE and ran.count("check.passed") == 1


def test_one_bit_of_one_register_flips_and_the_thread_runs_on_with_it(nbd: PreparedGuest) -> None:
    runs = nbd.run_all([{"fault": Registers(draw=draw), "trigger": AtRequest(20)} for draw in DRAWS[:5]])
    for ran in runs:
        data = ran.first("fault.injected").data
        assert (int(data["old"], 16) ^ int(data["new"], 16)).bit_count() == 1
        assert ran.count("fault.activated") == 1
    assert len({ran.first("fault.injected").data["register"] for ran in runs}) > 3
    assert any(ran.verdict.udriver_died for ran in runs)


def test_a_flipped_instruction_pointer_leads_astray(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, Registers("rip", draw=3), policy=RestartUDriver())
    assert ran.first("fault.injected").data["register"] == "rip"
    assert ran.verdict.udriver_died and ran.outcome is Outcome.RECOVERED, ran.story()


def test_a_slow_server_is_slow_until_the_limit_is_lifted(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, known.Passing(Slow(share=0.01), 20), workload=ONE_BY_ONE)
    start, end = (ran.first(kind).t_ns for kind in ("fault.injected", "test.undone"))
    under = [e.data["latency_ns"] for e in ran.events("request.completed") if start < e.t_ns <= end]
    after = [e.data["latency_ns"] for e in ran.events("request.completed") if e.t_ns > end]
    assert max(under) > 0.05e9 > 5 * max(after), "it waits for its next slice"
    assert ran.count("fault.activated") == 1 and ran.outcome is Outcome.MASKED


def test_a_server_without_memory_is_killed_and_its_successor_has_no_limit(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, MemoryLimit(), workload=FRESH_BLOCKS, policy=RestartUDriver())
    assert ran.first("udriver.exited").data["signal"] == 9
    assert ran.first("fault.activated").t_ns <= ran.first("udriver.exited").t_ns
    assert ran.count("service.restored") == 1 and ran.first("check.passed").data["blocks"] > 0


def test_memory_is_refused_only_under_the_limit(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, known.Allocation())
    assert [e.data["error"] for e in ran.events("test.allocated")] == [0, errno.ENOMEM, 0]
    assert ran.count("fault.activated") == 1
    roomy = hurt(nbd, known.Allocation(headroom_kib=128 << 10))
    assert [e.data["error"] for e in roomy.events("test.allocated")] == [0, 0, 0]
    assert roomy.outcome is Outcome.INACTIVE


def test_a_full_disk_takes_no_new_blocks_until_there_is_room_again(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, known.Passing(DiskFull(), 30), workload=FRESH_BLOCKS)
    undone = ran.first("test.undone").t_ns
    failed = ran.events("request.failed")
    assert ran.first("fault.activated").t_ns < failed[0].t_ns
    assert all(e.data["op"] == "write" for e in failed)
    assert ran.count("request.completed") == FRESH_BLOCKS.requests, "those that failed are tried again"
    assert not [e for e in failed if e.t_ns > undone + 0.1e9]
    assert ran.outcome is Outcome.DISRUPTED


@pytest.mark.parametrize(("nth", "times"), [(1, 1), (3, 2)])
def test_a_system_call_fails_exactly_as_often_as_asked(nbd: PreparedGuest, nth: int, times: int) -> None:
    """The server makes one pwrite64 a write; its threads take turns. The agent's own calls are spared."""
    ran = hurt(nbd, SyscallError("pwrite64", "EIO", nth, times), workload=ONE_BY_ONE)
    assert ran.count("fault.activated") == ran.count("request.failed") == times
    writes = issued_after_injection(ran, "write")
    assert [e.data["n"] for e in ran.events("request.failed")] == writes[nth - 1 : nth - 1 + times]


def test_system_calls_fail_until_the_arming_ends(nbd: PreparedGuest) -> None:
    ran = hurt(nbd, known.Passing(SyscallError("pread64", "EIO", times=0), 20), workload=ONE_BY_ONE)
    start, end = (ran.first(kind).t_ns for kind in ("fault.injected", "test.undone"))
    reads = [
        e for e in ran.record.events if e.kind in ("request.failed", "request.completed") and e.data["op"] == "read"
    ]
    assert {e.kind for e in reads if start < e.t_ns < end} == {"request.failed"}
    assert {e.kind for e in reads if e.t_ns > end} == {"request.completed"}


@pytest.mark.parametrize(("nth", "times"), [(1, 1), (3, 2)])
def test_a_system_call_is_late_exactly_as_often_and_as_much_as_asked(nbd: PreparedGuest, nth: int, times: int) -> None:
    ran = hurt(nbd, SyscallDelay("pwrite64", 100, nth, times), workload=ONE_BY_ONE)
    assert ran.count("fault.activated") == times and ran.outcome is Outcome.MASKED
    late = [e.data["n"] for e in ran.events("request.completed") if e.data["latency_ns"] > 0.09e9]
    assert late == issued_after_injection(ran, "write")[nth - 1 : nth - 1 + times]


def test_a_flip_in_the_next_instruction_is_activated_by_it(nbd: PreparedGuest) -> None:
    runs = nbd.run_all([{"fault": known.AimedText(draw), "trigger": AtRequest(20)} for draw in range(3)])
    for ran in runs:
        assert ran.count("fault.activated") == 1
        assert ran.first("fault.injected").data["region"] == "text"
    assert any(ran.outcome >= Outcome.LOST for ran in runs)


def test_several_bits_that_flip_are_neighbours(nbd: PreparedGuest) -> None:
    data = hurt(nbd, Memory("data", DRAWS[0], bits=3)).first("fault.injected").data
    changed = data["old"] ^ data["new"]
    assert changed.bit_count() == 3 and changed // (changed & -changed) == 0b111


@pytest.mark.parametrize("region", ["text", "heap", "stack"])
def test_pages_in_use_are_some_of_those_in_memory(nbd: PreparedGuest, region: str) -> None:
    draws = [Memory(region, DRAWS[0]), Memory(region, DRAWS[0], among="used")]
    resident, used = nbd.run_all([{"fault": fault, "trigger": AtRequest(20)} for fault in draws])
    sizes = [ran.first("fault.injected").data["among_bytes"] for ran in (resident, used)]
    assert 0 < sizes[1] < sizes[0]
    later = [e for e in used.events("request.issued") if e.t_ns < used.first("fault.injected").t_ns]
    assert len(later) >= 27, "the 20th request, and those that were observed"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Signal("SIGFOO"), "no signal 'SIGFOO'"),
        (FdClosed("door"), "no kind of descriptors 'door'"),
        (Registers("r99"), "no register 'r99'"),
        (Slow(share=2), "lies between 0 and 1: 2"),
        (MemoryLimit("tickle"), "is not 'tickle'"),
        (SyscallError("preed"), "'preed' cannot be probed"),
        (SyscallError("pread64", "EFOO"), "no error 'EFOO'"),
        (Memory("heap", bits=9), "1 to 8 bits"),
        (Memory("heap", among="all"), "no pages 'all'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_there_is_not_is_not_placed(nbd: PreparedGuest, fault: Any, why: str) -> None:
    with pytest.raises(NotPlaced, match=why):
        hurt(nbd, fault)


def test_a_trial_with_those_that_stop_threads_or_watch_pages_is_the_same_when_it_is_run_again(
    nbd: PreparedGuest,
) -> None:
    faults = [FdClosed("any", DRAWS[0]), Registers(draw=DRAWS[1]), Memory("text", DRAWS[2], among="used")]
    plans = [{"fault": fault, "trigger": AtRequest(20), "policy": RestartUDriver()} for fault in faults]
    runs = nbd.run_all([*plans, *plans])
    assert [ran.record.events for ran in runs[:3]] == [ran.record.events for ran in runs[3:]]
