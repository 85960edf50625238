"""Monitors' records, as their BPF programs write them, become events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.kit import Event
from faultkit.model.vocabulary import problems
from monitors import calls, crossings, kernel, modules, process, requests, resources
from monitors.bpf import DISCARDED, RECORD, records

BUSY = 1 << 31


def ring(*written: bytes, flags: Iterable[int] = ()) -> bytes:
    """A ring buffer's data: each record behind its head, on eight bytes; `flags` of the first ones."""
    marks = [*flags, *(0 for _ in written)]
    return b"".join(
        RECORD.pack(len(one) | mark, 0) + one + bytes(-len(one) % 8) for one, mark in zip(written, marks, strict=False)
    )


def told(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    """Time, kind and data of events that are of the vocabulary."""
    found = [*events]
    assert not [problem for event in found for problem in problems(event)]
    return [(event.t_ns, str(event.kind), dict(event.data)) for event in found]


@given(st.lists(st.binary(max_size=40)))
def test_records_come_back_as_they_were_written(written: list[bytes]) -> None:
    assert [*records(ring(*written))] == written


def test_a_discarded_record_is_passed_over_and_a_half_written_one_is_the_end() -> None:
    assert [*records(ring(b"one", b"two", b"three", flags=(0, DISCARDED)))] == [b"one", b"three"]
    assert [*records(ring(b"one", b"two", b"three", flags=(0, BUSY)))] == [b"one"]


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1), st.data())
def test_a_buffer_that_is_cut_short_gives_what_is_whole(written: list[bytes], data: st.DataObject) -> None:
    whole = ring(*written)
    found = [*records(whole[: data.draw(st.integers(0, len(whole)))])]
    assert [one for one, _ in zip(written, found, strict=False)][: len(found) - 1] == found[:-1]


@pytest.mark.parametrize(("value", "data"), [
    (0x0300, {"status": 3, "signal": 0}), (9, {"status": 0, "signal": 9}), (0x8B, {"status": 0, "signal": 11}),
    (0xFF00, {"status": 255, "signal": 0}),
])  # fmt: skip
def test_a_udrivers_exit_has_its_status_or_its_signal(value: int, data: dict[str, int]) -> None:
    raw = ring(process.EVENT.pack(5, process.EXITED, 77, value, 0))
    assert told(process.events(raw)) == [(5, "udriver.exited", {"pid": 77, **data})]


def test_a_udrivers_start_and_its_signals() -> None:
    raw = ring(process.EVENT.pack(1, process.STARTED, 7, 0, 0), process.EVENT.pack(2, process.SIGNALLED, 7, 19, 0))
    assert told(process.events(raw)) == [
        (1, "udriver.started", {"pid": 7}), (2, "udriver.signalled", {"pid": 7, "signal": 19})
    ]  # fmt: skip


def test_a_block_request_has_sector_and_operation_and_its_end_latency_and_error() -> None:
    one = requests.EVENT.pack(5, 2048, 0, 4096, 0, 0, ord("W"))
    end = requests.EVENT.pack(9, 2048, 4, 4096, -5, 1, ord("W"))
    assert told(requests.events(ring(one, end))) == [
        (5, "block.issued", {"sector": 2048, "bytes": 4096, "op": "W"}),
        (9, "block.completed", {"sector": 2048, "bytes": 4096, "op": "W", "latency_ns": 4, "error": -5}),
    ]


def test_a_packet_has_its_buffers_address() -> None:
    sent, done, got = (requests.EVENT.pack(n, 0xFFFF888001234500, n, 60, n, n, 0) for n in range(3))
    packet = {"packet": "ffff888001234500", "bytes": 60}
    assert told(requests.events(ring(sent, done, got))) == [
        (0, "net.issued", packet), (1, "net.completed", {**packet, "latency_ns": 1, "error": 1}),
        (2, "net.received", packet),
    ]  # fmt: skip


class Counted(requests.BlockRequests):
    """The watcher without a program; its counter is set."""

    failed = 0

    def __init__(self) -> None: ...

    def counter(self, name: str) -> int:
        assert name == "failed"
        return self.failed


def test_only_requests_that_failed_since_are_an_error() -> None:
    watcher = Counted()
    assert watcher.error() is None
    watcher.failed = 2
    assert watcher.error() == "2 block requests failed"
    assert watcher.error() is None
    watcher.failed = 3
    assert watcher.error() == "1 block requests failed"


def test_a_call_has_its_functions_name_or_its_address() -> None:
    raw = ring(calls.EVENT.pack(1, 0xFFFF, 0), calls.EVENT.pack(3, 0xFFFF, 2), calls.EVENT.pack(4, 0x10, 0))
    assert told(calls.events(raw, {0xFFFF: "nbd_open"})) == [
        (1, "call.entered", {"function": "nbd_open"}),
        (3, "call.returned", {"function": "nbd_open", "latency_ns": 2}),
        (4, "call.entered", {"function": "0x10"}),
    ]


def test_a_crossing_has_its_direction_and_the_end_of_an_upcall_its_latency() -> None:
    name, call = b"rtl8139.0".ljust(24, b"\0"), b"get_stats".ljust(24, b"\0")
    raw = ring(crossings.EVENT.pack(1, 0, 1, 6, 40, 0, name, call), crossings.EVENT.pack(5, 4, 0, 6, 0, -5, name, call))
    same = {"instance": "rtl8139.0", "call": "get_stats", "seq": 6}
    assert told(crossings.events(raw)) == [
        (1, "crossing.passed", {**same, "status": 0, "direction": "upcall", "bytes": 40}),
        (5, "upcall.ended", {**same, "status": -5, "latency_ns": 4}),
    ]


def test_names_from_a_broken_kernel_are_text_all_the_same() -> None:
    raw = ring(
        modules.EVENT.pack(1, 1, b"nbd\xff\0rest".ljust(32, b"\0")), modules.EVENT.pack(2, 0, b"nbd".ljust(32, b"\0"))
    )
    assert told(modules.events(raw)) == [
        (1, "module.loaded", {"name": "nbd\ufffd"}),
        (2, "module.unloaded", {"name": "nbd"}),
    ]


def test_messages_and_samples_are_as_the_agent_collected_them() -> None:
    message = {"level": 4, "text": "nbd0: shutting down sockets"}
    assert told(kernel.events(json.dumps([[5, *message.values()]]).encode())) == [(5, "kernel.message", message)]
    held = {"module_refs": {"nbd": 1}, "slab_bytes": 5, "interrupt_handlers": 2, "agent_fds": 9}
    assert told(resources.events(json.dumps([[1, held], [2, held]]).encode())) == [
        (1, "resources.sampled", held), (2, "resources.sampled", held)
    ]  # fmt: skip
