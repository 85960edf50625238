"""The calls that leave a real driver, as decoded from the guest that it runs in."""

from __future__ import annotations

import pytest

from faultkit.machine.image import Image, headers
from faultkit.model.code import ModuleCode
from faultkit.pytest_plugin.guests import PreparedGuest
from injectors.tools.call_values import FAILURES

pytestmark = pytest.mark.guest


def module(bed: PreparedGuest) -> ModuleCode:
    """The k-driver's code."""
    return next(iter(bed.template.code.values()))


def test_a_drivers_calls_are_known_by_the_names_it_imports(nbd: PreparedGuest, rtl8139: PreparedGuest) -> None:
    callees = {call.callee for call in module(nbd).calls}
    assert {"sock_sendmsg", "sock_recvmsg", "mutex_lock", "kfree", "blk_mq_start_request"} <= callees
    by_function = {(call.function, call.callee) for call in module(rtl8139).calls}
    assert ("cp_start_xmit", "dma_map_page_attrs") in by_function
    assert ("cp_rx_poll", "napi_alloc_skb") in by_function


def test_a_call_site_is_a_call_in_the_code(nbd: PreparedGuest) -> None:
    functions = {function.name: function for function in module(nbd).functions}
    for call in module(nbd).calls:
        code = functions[call.function].code[call.offset : call.offset + call.size]
        assert functions[call.function].address + call.offset == call.address
        assert code[0] in ((0xE9, 0x0F) if call.tail else (0xE8,))


def test_the_text_begins_at_the_base(nbd: PreparedGuest, rtl8139: PreparedGuest) -> None:
    for bed in (nbd, rtl8139):
        code = module(bed)
        assert code.base % 4096 == 0
        assert code.base <= code.functions[0].address < code.base + 4096


def test_what_the_table_of_failures_names_is_exported_by_the_kernel(image: Image) -> None:
    exported = {line.split()[1] for line in (headers(image.kernel) / "Module.symvers").read_text().splitlines()}
    assert sorted(set(FAILURES) - exported) == []
