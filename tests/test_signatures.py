"""Crash signatures stay the same from run to run and from build to build."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit.machine.console import kernel_events
from faultkit.results.signatures import excerpt, signature

LOGS = Path(__file__).with_name("logs")
OF = {
    "null_dereference": "kernel NULL pointer dereference in nbd_queue_rq",
    "general_protection": "general protection fault in nbd_queue_rq",
    "invalid_opcode": "invalid opcode in nbd_queue_rq",
    "kernel_bug": "BUG in cp_interrupt",
    "soft_lockup": "soft lockup in nbd_queue_rq",
    "panic": "sysrq triggered crash",
}


def signature_of(console: str) -> str:
    """The signature of a console's first report."""
    first = next(kernel_events(console))
    return signature(first.data["what"], first.data.get("function"))


@pytest.mark.parametrize("name", OF)
def test_a_real_crash_has_its_signature(name: str) -> None:
    assert signature_of((LOGS / f"{name}.log").read_text()) == OF[name]


def test_different_crashes_have_different_signatures() -> None:
    assert len({*OF.values()}) == len(OF)


@pytest.mark.parametrize("name", OF)
def test_another_build_and_another_run_have_the_same(name: str) -> None:
    """Other offsets, sizes, times, process ids and addresses."""
    log = (LOGS / f"{name}.log").read_text()
    for old, new in (
        ("+0x", "+0x1"),
        ("/0x", "/0x2"),
        ("[   3", "[   4"),
        ("python3:", "python3:9"),
        (": 220 ", ": 7 "),
    ):
        log = log.replace(old, new)
    assert signature_of(log) == OF[name]


@pytest.mark.parametrize(
    ("kind", "function", "expected"),
    [
        ("page fault", "cp_rx_poll.constprop.0", "page fault in cp_rx_poll"),
        ("page fault", "cp_rx_poll.isra.3.cold", "page fault in cp_rx_poll"),
        ("page fault", "recv_work.part.0", "page fault in recv_work"),
        ("page fault", "vfs_read.llvm.1234", "page fault in vfs_read"),
        ("page fault", "my.partition", "page fault in my.partition"),
        ("Attempted to kill init! exitcode=0x0000000b", None, "Attempted to kill init! exitcode=N"),
        ("stack is corrupted in: ffffffffc0a51008", None, "stack is corrupted in: N"),
        ("softlockup: hung tasks", "f", "softlockup: hung tasks in f"),
        ("watchdog", None, "watchdog, without a report"),
    ],
)
def test_what_moves_is_left_out(kind: str, function: str | None, expected: str) -> None:
    assert signature(kind, function) == expected


@pytest.mark.parametrize("name", OF)
def test_an_excerpt_is_the_report_without_time_stamps(name: str) -> None:
    console = "[    1.000000] before\n" + (LOGS / f"{name}.log").read_text()
    first = next(kernel_events(console))
    report = excerpt(console, first.data["text"]).splitlines()
    assert report[0] == first.data["text"]
    assert 8 < len(report) <= 32
    assert not [line for line in report if line.startswith("[") or "---[ end" in line]


def test_an_excerpt_ends_with_its_report() -> None:
    console = "[    1.000000] BUG: x\n[    1.000001] ---[ end trace 0 ]---\n[    1.000002] after\n"
    assert excerpt(console, "BUG: x") == "BUG: x"


def test_without_a_report_it_is_the_end_of_the_console() -> None:
    console = "".join(f"[    1.{n:06}] line {n}\n" for n in range(100))
    assert excerpt(console, "BUG: x").splitlines() == [f"line {n}" for n in range(68, 100)]
    assert excerpt("", "") == ""
