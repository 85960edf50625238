"""Types of code fault, and faults that wait in the k-driver's code, on real drivers: their effect is known."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.nbd import VerifiedIO
from faultkit import AtRequest, Nothing, Outcome
from faultkit.machine.coverage import by_function
from faultkit.model.code import ModuleCode
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.kernel_memory import KernelMemory
from injectors.kdriver.overrun import Overrun
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from injectors.several import Several
from injectors.tools.candidates import TYPES, candidates
from injectors.tools.machine_code.instructions import prologue_bytes
from injectors.tools.settled import settled_site
from tests.guest.conftest import known_parts
from tests.guest.expected import gone

pytestmark = pytest.mark.guest


def module(bed: PreparedGuest) -> ModuleCode:
    """The k-driver's code."""
    return next(iter(bed.template.code.values()))


def draw_of(bed: PreparedGuest, kind: str, address: int) -> int:
    """The draw that picks a site."""
    addresses = [site.address for site in candidates(module(bed), kind)]
    return -(-addresses.index(address) * 2**64 // len(addresses))


def address_of(bed: PreparedGuest, kind: str, function: str) -> int:
    """A type's last site in a function that a golden trial executes."""
    return [site.address for site in candidates(module(bed), kind, "executed") if site.function == function][-1]


def hit(bed: PreparedGuest, kind: str, function: str, **parts: Any) -> Ran:
    """A trial with a fault of this type there."""
    fault = Text(kind, draw_of(bed, kind, address_of(bed, kind, function)))
    return bed.run(fault=fault, trigger=AtRequest(20), **parts)


def test_a_golden_trial_executes_the_request_path_and_not_what_nobody_calls(
    nbd: PreparedGuest, rtl8139: PreparedGuest
) -> None:
    for bed, used, unused in ((nbd, "nbd_queue_rq", "nbd_genl_status"), (rtl8139, "cp_start_xmit", "cp_get_regs")):
        code, covered = module(bed), by_function(module(bed))
        [function] = [f for f in code.functions if f.name == used]
        assert function.address + prologue_bytes(function.code) in (code.executed or ())
        assert covered[used][0] > covered[used][1] > 20
        assert covered[unused][1] == 0 < covered[unused][0]
        once = [f for f in code.functions if f.section == ".exit.text" and f.name in covered]
        assert once and all(covered[f.name][1] == 0 for f in once)


@pytest.mark.parametrize("driver", ["nbd", "rtl8139"])
def test_sites_that_a_golden_trial_executes_are_executed(driver: str, request: pytest.FixtureRequest) -> None:
    """Nearly all: the trial may have passed a site for the last time. Nothing is changed there, only watched."""
    bed: PreparedGuest = request.getfixturevalue(driver)
    kinds = [kind for kind in TYPES if candidates(module(bed), kind, "executed")]
    drawn = [Text(kind, n * 0x9E3779B97F4A7C15 % 2**64, among="executed") for n, kind in enumerate(kinds)]
    placed = Several(tuple(drawn)).place(bed.template.code)
    ran = bed.run(fault=Several(tuple(map(unchanged, placed.faults))), trigger=AtRequest(2))
    assert len(kinds) >= 13
    assert ran.count("fault.injected") == len(kinds)
    assert ran.count("fault.activated") > 0.7 * len(kinds)
    assert ran.outcome is Outcome.MASKED


def unchanged(text: Any) -> Text:
    """A fault that writes the bytes that are already there."""
    site = settled_site(text.site)
    return Text("write", function=site.function, offset=site.offset, new=site.old)


def test_a_request_whose_lock_is_never_given_back_hangs(nbd: PreparedGuest) -> None:
    ran = hit(nbd, "unlock", "nbd_queue_rq", policy=Nothing(), workload=VerifiedIO(depth=1))
    assert ran.verdict.activated
    assert ran.outcome is gone(ran.record)


def test_a_skipped_unlock_is_enough(nbd: PreparedGuest) -> None:
    """The code is whole again at the next request, but the lock is held for good."""
    skip = Skip(draw_of(nbd, "nop", address_of(nbd, "unlock", "nbd_queue_rq")))
    ran = nbd.run(fault=skip, trigger=AtRequest(20), workload=VerifiedIO(depth=1))
    assert ran.first("fault.injected").data["at"].startswith("call ")
    assert ran.count("fault.activated") == 1
    assert ran.outcome is gone(ran.record)


def test_a_receiver_that_gets_no_memory_drops_every_packet(rtl8139: PreparedGuest) -> None:
    ran = hit(rtl8139, "allocation", "cp_rx_poll", policy=Nothing())
    activated = ran.first("fault.activated").t_ns
    assert not [e for e in ran.events("net.received") if e.t_ns > activated + 20e6]
    assert ran.outcome is gone(ran.record)


def test_what_is_not_freed_is_lost_and_nothing_else(rtl8139: PreparedGuest) -> None:
    ran, golden = hit(rtl8139, "free", "cp_interrupt"), rtl8139.run()
    assert ran.outcome is Outcome.MASKED

    def grown(of: Ran) -> int:
        first, *_, last = of.events("resources.sampled")
        return int(last.data["slab_bytes"] - first.data["slab_bytes"])

    assert grown(ran) > grown(golden) + 30_000


def test_a_copy_that_overruns_by_pages_crashes_and_one_by_a_word_does_not(rtl8139: PreparedGuest) -> None:
    """The registers are copied into a page of their own, behind which nothing is mapped."""
    [copy] = [site for site in candidates(module(rtl8139), "copy") if site.function == "cp_get_regs"]
    draw = draw_of(rtl8139, "copy", copy.address)
    word, pages = (
        rtl8139.run(fault=Several((Overrun(draw, words=words), known_parts.AskForRegisters())), trigger=AtRequest(20))
        for words in (1, 1024)
    )
    assert word.outcome is Outcome.MASKED and word.count("registers.read") == 1
    assert pages.outcome is Outcome.CRASHED and not pages.count("registers.read")
    for ran, words in ((word, 1), (pages, 1024)):
        assert ran.first("fault.injected", fault=0).data["words"] == words
        assert ran.first("fault.activated").data == {"length_bytes": 256, "fault": 0}


@pytest.mark.parametrize("size", ["bit", "word"])
def test_damage_to_what_is_about_to_be_read_is_read(nbd: PreparedGuest, size: str) -> None:
    faults = [KernelMemory("heap", size, n << 60, among="executed") for n in (1, 5, 9, 13)]
    runs = nbd.run_all([{"fault": fault, "trigger": AtRequest(5)} for fault in faults])
    hurt = [ran for ran in runs if ran.count("fault.injected")]
    assert hurt
    for ran in hurt:
        injected = ran.first("fault.injected")
        old, new = (bytes.fromhex(injected.data[key]) for key in ("old", "new"))
        assert len(old) == (1 if size == "bit" else 8) and old != new
        assert 0 <= ran.first("fault.activated").t_ns - injected.t_ns < 20e6
    for ran in runs:
        assert ran.count("fault.waits") == 1
        assert ran.count("fault.injected") + ran.count("fault.spared") <= 1


def test_damage_to_the_stack_is_witnessed_where_it_is_used(nbd: PreparedGuest) -> None:
    faults = [KernelMemory("stack", "word", n << 60, among="executed") for n in (1, 3, 5, 7, 9, 11)]
    runs = nbd.run_all([{"fault": fault, "trigger": AtRequest(5)} for fault in faults])
    assert any(ran.verdict.activated for ran in runs)
    for ran in runs:
        assert (ran.outcome is Outcome.INACTIVE) <= (not ran.verdict.activated)
    again = nbd.run_all([{"fault": fault, "trigger": AtRequest(5)} for fault in faults[:3]])
    assert [ran.record.events for ran in again] == [ran.record.events for ran in runs[:3]], "watching costs no time"
