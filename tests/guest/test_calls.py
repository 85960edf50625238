"""Calls of kernel functions by real drivers, tampered with: those that were meant, in the way that was meant."""

from __future__ import annotations

from errno import EPIPE
from typing import Any

import pytest

from drivers.nbd import VerifiedIO
from drivers.rtl8139 import Transfers
from experiments.call_sweep import DRIVERS
from faultkit import AtOnce, AtRequest, Outcome, ReloadKDriver
from faultkit.model.code import ModuleCode
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.call_argument import CallArgument
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError, sweep
from injectors.tools.call_values import FAILURES
from injectors.tools.calls import calls_of
from tests.guest.conftest import known_parts

pytestmark = pytest.mark.guest

HEAD_BYTES = 28  # struct nbd_request, include/uapi/linux/nbd.h
ONE_BY_ONE = VerifiedIO(requests=40, depth=1)


def module(bed: PreparedGuest) -> ModuleCode:
    """The k-driver's code."""
    return next(iter(bed.template.code.values()))


def calls(ran: Ran, what: str) -> list[Any]:
    """One datum of each activation."""
    return [event.data[what] for event in ran.events("fault.activated")]


def random_of(seed: int, n: int) -> int:
    """The n-th number of SplitMix64, as its authors publish it."""
    z = (seed + n * 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


@pytest.mark.parametrize("how", ["instead", "after"])
def test_a_function_has_run_or_not(rtl8139: PreparedGuest, how: Any) -> None:
    """__napi_schedule() returns nothing: to replace that is no fault. Not to run it is the end of receiving."""
    ran = rtl8139.run(fault=CallError("__napi_schedule", 0, how=how), trigger=AtRequest(20))
    assert ran.count("fault.activated") == 1
    assert ran.outcome is Outcome.MASKED if how == "after" else ran.outcome >= Outcome.LOST


def test_a_function_that_fails_after_the_call_returned_something_else(nbd: PreparedGuest) -> None:
    """Sending a request's head returns its length; the driver is told of a broken pipe."""
    ran = nbd.run(fault=CallError("sock_sendmsg", -EPIPE, how="after"), trigger=AtRequest(20), workload=ONE_BY_ONE)
    assert (calls(ran, "was"), calls(ran, "now")) == ([HEAD_BYTES], [-EPIPE])
    assert ran.outcome > Outcome.MASKED


def test_what_a_failed_function_had_given_is_lost(rtl8139: PreparedGuest) -> None:
    """The buffer was there; the driver is told that it is not, and nobody will ever free it."""
    ran = rtl8139.run(fault=CallError("napi_alloc_skb", 0, how="after", nth=3, times=5), trigger=AtRequest(5))
    assert calls(ran, "call") == [3, 4, 5, 6, 7]
    assert len(set(calls(ran, "was"))) == 5 and 0 not in calls(ran, "was"), "five buffers"
    assert calls(ran, "now") == [0] * 5
    assert ran.outcome is Outcome.MASKED, "TCP sends again what was dropped"


def test_an_argument_that_is_far_too_large_is_acted_upon(rtl8139: PreparedGuest) -> None:
    ran = rtl8139.run(fault=CallArgument("skb_put", 2, "value", 1 << 20), trigger=AtRequest(5))
    assert ran.outcome is Outcome.CRASHED
    assert (ran.verdict.crash_kind, ran.verdict.crash_function) == ("skb_over_panic", "cp_rx_poll")


@pytest.mark.parametrize(
    ("change", "draw"), [("zero", 0), ("off_by_one", 0), ("off_by_one", 1 << 63), ("bit_flip", 3 << 59)]
)
def test_an_argument_is_changed_as_asked(rtl8139: PreparedGuest, change: Any, draw: int) -> None:
    fault = CallArgument("skb_put", 2, change, bits=8, draw=draw, nth=2, times=3)
    ran = rtl8139.run(fault=fault, trigger=AtRequest(5))
    pairs = list(zip(calls(ran, "was"), calls(ran, "now"), strict=True))
    assert len(pairs) == 3
    if change == "zero":
        assert all(now == 0 < was for was, now in pairs)
    elif change == "off_by_one":
        assert {now - was for was, now in pairs} == {-1 if draw else 1}
    else:
        assert {was ^ now for was, now in pairs} == {1 << (draw * 8 >> 64)}


@pytest.mark.parametrize("draw", [1, 2])
def test_a_probability_meets_the_calls_that_its_seed_says(rtl8139: PreparedGuest, draw: int) -> None:
    ran = rtl8139.run(
        fault=CallDelay("dma_map_page_attrs", 1, times=40, nth=4, probability=0.2, draw=draw), trigger=AtRequest(5)
    )
    met = calls(ran, "call")
    assert len(met) == 40
    assert met == [n for n in range(4, met[-1] + 1) if random_of(draw, n) % 1_000_000 < 200_000]


def test_only_calls_from_the_chosen_site_are_met(rtl8139: PreparedGuest) -> None:
    every = rtl8139.run(fault=CallDelay("dma_map_page_attrs", 1, times=0), trigger=AtOnce())
    seen = set(calls(every, "site"))
    assert len(seen) >= 2 and seen <= {name for name, _ in calls_of(module(rtl8139), "dma_map_page_attrs")}
    site = next(name for name in sorted(seen) if name.startswith("cp_rx_poll"))
    one = rtl8139.run(fault=CallDelay("dma_map_page_attrs", 1, times=0, at=site), trigger=AtOnce())
    assert set(calls(one, "site")) == {site}
    assert calls(one, "call") == list(range(1, len(calls(one, "call")) + 1)), "calls from elsewhere are not counted"


@pytest.mark.parametrize("survives", [True, False])
def test_the_arming_follows_the_driver_to_where_it_is_reloaded_if_it_is_to(
    rtl8139: PreparedGuest, survives: bool
) -> None:
    fault = known_parts.Elsewhere(CallDelay("dma_map_page_attrs", 1, times=0, survives_reload=survives))
    ran = rtl8139.run(fault=fault, trigger=AtOnce(), workload=Transfers(chunks=8))
    moved = ran.first("text.moved")
    assert moved.data["before"] != moved.data["after"]
    loaded = ran.first("module.loaded", name="8139cp").t_ns
    activated = [e.t_ns for e in ran.events("fault.activated")]
    assert activated[0] < loaded and (activated[-1] > loaded) == survives
    assert ran.outcome is Outcome.MASKED


def test_a_fault_that_ends_with_a_reload_is_recovered_from(rtl8139: PreparedGuest) -> None:
    ran = rtl8139.run(
        fault=CallError("dma_map_page_attrs", times=0, survives_reload=False),
        trigger=AtRequest(20),
        policy=ReloadKDriver(),
    )
    assert ran.verdict.kdriver_reloaded and ran.count("service.restored") == 1, ran.story()
    assert ran.first("check.passed").data["bytes"] > 0


@pytest.mark.parametrize("how", ["instead", "after"])
def test_armings_come_and_go_in_full_traffic_and_so_does_the_module(rtl8139: PreparedGuest, how: Any) -> None:
    fault = known_parts.Rearmed(CallError("napi_alloc_skb", 0, how=how, times=0, probability=0.3))
    ran = rtl8139.run(fault=fault, trigger=AtRequest(5), workload=Transfers(chunks=160))
    assert ran.count("fault.injected") == fault.rounds and ran.count("fault.activated") > 0
    assert ran.outcome is Outcome.MASKED, ran.story()


def test_an_arming_may_end_while_a_call_has_not_returned(nbd: PreparedGuest) -> None:
    """nbd's receiver waits in sock_recvmsg() all the time."""
    fault = known_parts.Rearmed(CallError("sock_recvmsg", 0, how="after", nth=10**9))
    ran = nbd.run(fault=fault, trigger=AtRequest(5), workload=VerifiedIO(requests=120))
    assert ran.outcome is Outcome.INACTIVE, ran.story()


def test_a_function_that_is_not_named_is_drawn_with_its_site_and_value(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=CallError(draw=1 << 62), trigger=AtRequest(5))
    fault = ran.record.trial.fault
    assert isinstance(fault, CallError) and fault.function and fault.site
    assert fault.value in FAILURES[fault.function].values
    assert fault.at in [name for name, _ in calls_of(module(nbd), fault.function)]
    assert ran.first("fault.injected").data["function"] == fault.function


@pytest.mark.parametrize("driver", ["nbd", "rtl8139"])
def test_a_sweep_knows_what_the_driver_calls(driver: str, request: pytest.FixtureRequest) -> None:
    bed = request.getfixturevalue(driver)
    swept = list(sweep(module(bed)))
    known = {call.callee for call in module(bed).calls if not call.tail} & set(FAILURES)
    assert {fault.function for fault in swept} == known
    assert len(swept) == sum(len(FAILURES[function].values) for function in known) > 10
    assert all(fault.place(bed.template.code).site for fault in swept)


def test_the_experiment_sweeps_over_each_failure_at_each_site_once(nbd: PreparedGuest, rtl8139: PreparedGuest) -> None:
    for bed, (_, _, failures) in zip((nbd, rtl8139), DRIVERS, strict=True):
        site = CallError().place(bed.template.code).site
        assert site is not None and site.among == failures
