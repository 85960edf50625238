"""The events that a dying kernel's console yields. The logs are of real guests of the kernel that faultkit uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit.machine.console import kernel_events
from faultkit.model.events import Event

LOGS = Path(__file__).with_name("logs")
KNOWN = {
    "null_dereference": ("kernel.oops", "kernel NULL pointer dereference", "nbd_queue_rq", "0xb", "nbd"),
    "null_call": ("kernel.oops", "kernel NULL pointer dereference", "nbd_queue_rq", "0xd", "nbd"),
    "general_protection": ("kernel.oops", "general protection fault", "nbd_queue_rq", "0x13", "nbd"),
    "invalid_opcode": ("kernel.oops", "invalid opcode", "nbd_queue_rq", "0x9", "nbd"),
    "kernel_bug": ("kernel.oops", "BUG", "cp_interrupt", "0x401", "8139cp"),
    "soft_lockup": ("kernel.lockup", "soft lockup", "nbd_queue_rq", "0x9", "nbd"),
    "warning": ("kernel.warn", "include/linux/dma-mapping.h:381", "cp_start_xmit", "0x833", "8139cp"),
}
PANICS = {
    "null_dereference": "Fatal exception",
    "null_call": "Fatal exception",
    "general_protection": "Fatal exception",
    "invalid_opcode": "Fatal exception",
    "kernel_bug": "Fatal exception in interrupt",
    "soft_lockup": "softlockup: hung tasks",
    "panic": "sysrq triggered crash",
}


def log(name: str) -> str:
    """A guest's console."""
    return (LOGS / f"{name}.log").read_text()


def test_every_log_is_tested() -> None:
    assert {path.stem for path in LOGS.glob("*.log")} == {*KNOWN, *PANICS}


@pytest.mark.parametrize("name", KNOWN)
def test_what_was_wrong_and_where_is_read(name: str) -> None:
    kind, what, function, offset, module = KNOWN[name]
    first = next(kernel_events(log(name)))
    assert (first.kind, first.data["what"]) == (kind, what)
    assert (first.data["function"], first.data["offset"], first.data["module"]) == (function, offset, module)


@pytest.mark.parametrize("name", KNOWN)
def test_one_report_is_one_event_and_the_panic_that_follows_another(name: str) -> None:
    kinds = [event.kind for event in kernel_events(log(name))]
    assert kinds == [KNOWN[name][0], *(["kernel.panic"] if name in PANICS else [])]


@pytest.mark.parametrize("name", PANICS)
def test_a_panic_gives_its_reason(name: str) -> None:
    last = list(kernel_events(log(name)))[-1]
    assert (last.kind, last.data["what"]) == ("kernel.panic", PANICS[name])


def test_a_frame_that_the_unwinder_only_guesses_is_not_the_caller() -> None:
    guessed = log("null_call").replace("]  nbd_queue_rq+", "]  ? nbd_queue_rq+")
    assert guessed != log("null_call")
    assert next(kernel_events(guessed)).data.get("function") is None


def test_times_are_the_kernels_and_its_lag() -> None:
    [panic] = kernel_events(log("panic"), lag_ns=1000)
    assert panic.t_ns == 34_708_406_000 + 1000
    assert panic.data["text"] == "Kernel panic - not syncing: sysrq triggered crash"


def test_reports_one_after_another_are_each_told() -> None:
    twice = list(kernel_events(log("warning") * 2 + log("invalid_opcode")))
    assert [event.kind for event in twice] == ["kernel.warn", "kernel.warn", "kernel.oops", "kernel.panic"]
    assert [event.data.get("function") for event in twice[:3]] == ["cp_start_xmit", "cp_start_xmit", "nbd_queue_rq"]


def test_a_log_that_ends_in_the_middle_tells_what_it_has() -> None:
    whole = log("invalid_opcode")
    for size in range(0, len(whole), 61):
        found = list(kernel_events(whole[:size]))
        assert all(isinstance(event, Event) for event in found)
        assert not [event for event in found if event.kind not in ("kernel.oops", "kernel.panic")]
    [oops] = kernel_events(whole[: whole.index("RIP")])
    assert (oops.kind, oops.data.get("function")) == ("kernel.oops", None)


def test_a_warning_does_not_hide_the_oops_that_follows_it() -> None:
    kfence = "[    1.000002] BUG: KFENCE: use-after-free read in cp_rx_poll+0x1/0x2\n"
    assert [event.kind for event in kernel_events(kfence + log("invalid_opcode"))] == [
        "kernel.warn",
        "kernel.oops",
        "kernel.panic",
    ]
