"""Faults of calls before they go into a guest: function, value and site, and impossible ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.code import CallSite, Function, ModuleCode
from faultkit.model.codec import dumps, loads
from faultkit.model.errors import NotPlaced
from faultkit.model.known import known
from faultkit.model.parts import Typed
from injectors.kdriver.call_argument import CallArgument
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError, sweep
from injectors.tools.call_values import DMA_MAPPING_ERROR, FAILURES, GROUPS
from injectors.tools.calls import called, signed

BASE = 0xFFFFFFFFC0000000
SITES = (
    ("ring_read", 0x10, "skb_clone", False),
    ("ring_read", 0x20, "mutex_lock_interruptible", False),
    ("ring_read", 0x30, "_printk", False),
    ("ring_write", 0x10, "skb_clone", False),
    ("ring_write", 0x20, "no_failure_known", False),
    ("ring_write", 0x30, "device_add_disk", True),
    ("ring_write", 0x40, "__register_blkdev", False),
)
MODULE = ModuleCode(
    "ring",
    (Function("ring_read", BASE, bytes(256)), Function("ring_write", BASE + 256, bytes(100))),
    tuple(CallSite(f, at, BASE + 256 * (f == "ring_write") + at, 5, name, tail) for f, at, name, tail in SITES),
    BASE,
)
CODE = {"ring": MODULE}
KNOWN = ("skb_clone", "mutex_lock_interruptible", "__register_blkdev")


def spread(count: int) -> list[int]:
    """Draws that lie evenly among all there are."""
    return [(2 * n + 1) * (1 << 63) // count for n in range(count)]


def test_a_function_without_a_value_fails_as_the_kernel_documents() -> None:
    values = [CallError("__register_blkdev", draw=draw).place(CODE).value for draw in spread(10)]
    assert Counter(values) == dict.fromkeys(FAILURES["__register_blkdev"].values, 5)
    assert CallError("skb_clone", 7).place(CODE).value == 7, "a value that was given stays"


def test_without_a_function_every_failure_at_every_site_is_as_likely() -> None:
    expected = {
        (call.callee, value, f"{call.function}+{call.offset:#x}")
        for call in MODULE.calls
        if call.callee in KNOWN
        for value in FAILURES[call.callee].values
    }
    placed = [CallError(draw=draw).place(CODE) for draw in spread(7 * len(expected))]
    drawn = Counter((fault.function, fault.value, fault.at) for fault in placed)
    assert drawn == dict.fromkeys(expected, 7)
    assert {fault.site.among for fault in placed if fault.site} == {len(expected)}


def test_without_a_function_a_value_asks_for_the_functions_that_fail_with_it() -> None:
    assert {CallError(value=0, draw=draw).place(CODE).function for draw in spread(20)} == {"skb_clone"}


def test_a_delay_is_drawn_among_all_calls_but_those_that_only_tell() -> None:
    sites = Counter((f.function, f.at) for f in (CallDelay(None, 1, draw=d).place(CODE) for d in spread(30)))
    assert len(sites) == 5 and set(sites.values()) == {6}
    assert {function for function, _ in sites} == {*KNOWN, "no_failure_known"}


def test_one_site_is_drawn_and_a_given_one_is_taken() -> None:
    drawn = [CallError("skb_clone", 0, at="one", draw=draw).place(CODE) for draw in spread(2)]
    assert [fault.at for fault in drawn] == ["ring_read+0x10", "ring_write+0x10"]
    given_one = CallError("skb_clone", 0, at="ring_write+0x10").place(CODE)
    assert given_one.site is not None
    assert given_one.site.returns == (("ring_write+0x10", 256 + 0x10 + 5),), "where the call returns to"


def test_any_site_is_all_of_them() -> None:
    placed = CallError("skb_clone", 0).place(CODE)
    assert placed.site is not None
    assert [name for name, _ in placed.site.returns] == ["ring_read+0x10", "ring_write+0x10"]
    assert placed.site.text_bytes == 356


def test_a_function_that_no_direct_call_leads_to_may_be_called_through_a_pointer() -> None:
    placed = CallError("kfree", 0).place(CODE)
    assert placed.site is not None and placed.site.returns == ()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (CallError("no_failure_known"), "what no_failure_known returns when it fails is not known"),
        (
            CallError("skb_clone", 0, at="ring_read+0x99"),
            "at 'ring_read.0x99': there are ring_read.0x10, ring_w",
        ),
        (CallError("kfree", 0, at="one"), "no call of kfree at 'one': there are none"),
        (CallError("device_add_disk", -5), "by a jump alone"),
        (CallError(value=-99), "calls no function"),
        (CallError("skb_clone", 0, how="before"), "cannot fail 'before': there are instead, after"),  # type: ignore[arg-type]
        (CallError("skb_clone", 0, nth=0), "nth=0"),
        (CallError("skb_clone", 0, times=-1), "times=-1"),
        (CallError("skb_clone", 0, probability=0), "probability=0"),
        (CallError("skb_clone", 0, draw=1 << 64), "draw=18446744073709551616"),
        (CallDelay("skb_clone", 0), "delayed by 0 us"),
        (CallDelay("skb_clone", 1_000_001), "between 1 and 1000000"),
        (CallArgument("skb_clone", 7, "zero"), "argument 7 is in no register"),
        (CallArgument("skb_clone", 1, "swap"), "by 'swap'"),  # type: ignore[arg-type]
        (CallArgument("skb_clone", 1, "bit_flip", bits=65), "65 bits"),
    ],
)
def test_what_cannot_be_says_why(fault: Any, reason: str) -> None:
    with pytest.raises(NotPlaced, match=reason):
        fault.place(CODE)


def test_a_function_that_the_kernel_has_not_is_told_with_those_that_are_near() -> None:
    known = replace(MODULE, kernel=frozenset({*(call.callee for call in MODULE.calls), "sock_sendmsg"}))
    fault = CallError("sock_sendmsg", -5)
    assert fault.place({"m": known}).site is not None, "the k-driver may call it through a pointer"
    with pytest.raises(NotPlaced, match=r"no function 'sock_sendmg': it may be a macro, or inlined; .* sock_sendmsg$"):
        replace(fault, function="sock_sendmg").place({"m": known})
    assert replace(fault, function="sock_sendmg").place({"m": MODULE}).site, "an earlier template does not know"


@given(st.integers(0, 2**64 - 1), st.integers(1, 64))
def test_a_bit_flip_flips_one_of_the_bits_that_count(draw: int, bits: int) -> None:
    operand = CallArgument("skb_clone", 1, "bit_flip", bits=bits, draw=draw).place(CODE).operand
    assert operand.bit_count() == 1 and operand < 1 << bits


def test_off_by_one_is_one_more_or_one_less() -> None:
    placed = [CallArgument("skb_clone", 2, "off_by_one", draw=draw).place(CODE).operand for draw in spread(2)]
    assert placed == [1, -1]


@given(st.integers(-(2**63), 2**64 - 1))
def test_a_register_is_written_as_the_kernel_reads_a_long(value: int) -> None:
    assert -(2**63) <= signed(value) < 2**63
    assert (signed(value) - value) % 2**64 == 0


def test_a_sweep_is_every_failure_of_every_function_once() -> None:
    swept = [(fault.function, fault.value) for fault in sweep(MODULE)]
    assert sorted(swept) == sorted((name, value) for name in KNOWN for value in FAILURES[name].values)
    assert len(list(sweep(MODULE, "one"))) == len(swept) + 1, "skb_clone() is called from two places"


def test_what_only_tells_or_checks_is_not_drawn() -> None:
    assert called(MODULE) == sorted({*KNOWN, "no_failure_known"})


@pytest.mark.parametrize(
    ("fault", "type_"),
    [
        (CallError(), "call error"),
        (CallError(how="after"), "call error after"),
        (CallDelay("skb_clone", 1), "call delay"),
        (CallArgument("skb_clone", 1, "zero"), "call argument"),
    ],
)
def test_types_are_told_apart(fault: Any, type_: str) -> None:
    assert isinstance(fault, Typed) and fault.fault_type == type_


def test_a_placed_fault_is_stored_and_comes_back() -> None:
    for fault in (CallError("skb_clone"), CallDelay("skb_clone", 9), CallArgument("skb_clone", 1, "zero")):
        placed = fault.place(CODE)
        assert loads(dumps(placed), known) == placed
        assert placed.place(CODE) == placed, "placing again changes nothing"


def test_every_failure_has_values_and_a_source() -> None:
    assert len(FAILURES) == sum(len(names.split()) for names, _, _ in GROUPS) > 100, "none is there twice"
    for failure in FAILURES.values():
        assert failure.values and len(set(failure.values)) == len(failure.values)
        assert "/" in failure.source
        assert all(-4095 <= value <= 255 for value in failure.values)


def test_failures_that_everybody_knows() -> None:
    assert FAILURES["__kmalloc_noprof"].values == (0,)
    assert FAILURES["dma_map_page_attrs"].values == (DMA_MAPPING_ERROR,)
    assert FAILURES["blk_mq_alloc_tag_set"].values == (-12, -22)


def test_calls_are_drawn_among_those_that_a_golden_trial_executes() -> None:
    ran = {
        call.address
        for call in MODULE.calls
        if (call.function, call.offset) in {("ring_read", 0x20), ("ring_write", 0x10)}
    }
    code = {"ring": replace(MODULE, executed=frozenset(ran))}
    placed = [CallError(at="executed", draw=draw).place(code) for draw in spread(40)]
    assert {(fault.function, fault.at) for fault in placed} == {
        ("mutex_lock_interruptible", "ring_read+0x20"),
        ("skb_clone", "ring_write+0x10"),
    }
    assert {fault.site.among for fault in placed if fault.site} == {
        len(FAILURES["mutex_lock_interruptible"].values) + len(FAILURES["skb_clone"].values)
    }
    named = [CallDelay("skb_clone", 1, at="executed", draw=draw).place(code).at for draw in spread(9)]
    assert set(named) == {"ring_write+0x10"}
    with pytest.raises(NotPlaced, match="it is not known what a golden trial executes of ring: use --accel tcg"):
        CallError(at="executed").place(CODE)
    with pytest.raises(NotPlaced, match="calls no function that this fault is known for in what a golden trial exec"):
        CallError(at="executed").place({"ring": replace(MODULE, executed=frozenset())})
