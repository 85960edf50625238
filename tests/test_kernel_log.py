"""The reader of kernel logs: logs of guests that did bad deeds, reports written in the kernel's format, and noise."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.kernel_log import Report, is_trouble, read_lines, read_log
from faultkit.kernel_log.blame import HELPERS, Frame, to_blame
from faultkit.kernel_log.lines import parse_line
from tests.guest.provoked import DEED, GUESTS, LOGS, agree, told

FORMATS = Path(__file__).with_name("logs") / "written" / "formats.log"
TITLE = "# "  # begins a line of the formats: the expected severity, kind, title and function of the next report
DEEDS = [(name, deed) for name, (_, deeds) in GUESTS.items() for deed in deeds]


def stamped(*texts: str) -> str:
    """Lines of a log."""
    return "".join(f"[    1.{n:06}] {text}\n" for n, text in enumerate(texts))


@pytest.fixture(scope="module")
def provoked() -> dict[str, dict[str, list[Report]]]:
    """The reports of each recorded guest, by deed."""
    return {name: told((LOGS / f"{name}.log").read_text()) for name in GUESTS}


@pytest.mark.parametrize(("name", "deed"), DEEDS)
def test_a_deed_is_told_of_as_it_is(provoked: dict[str, dict[str, list[Report]]], name: str, deed: str) -> None:
    found, expected = provoked[name][deed], GUESTS[name][1][deed]
    assert agree(found, expected), found


def test_many_kinds_were_provoked(provoked: dict[str, dict[str, list[Report]]]) -> None:
    reports = [report for deeds in provoked.values() for found in deeds.values() for report in found]
    assert len({(report.kind, report.title.partition(":")[0]) for report in reports}) >= 40
    assert len({report.kind for report in reports}) >= 25


def test_a_report_begins_and_ends_with_its_own_lines() -> None:
    """From its first line on, and not into the next deed."""
    for name in GUESTS:
        lines = (LOGS / f"{name}.log").read_text().split("\n")
        for report in read_log("\n".join(lines)):
            assert report.text in lines[report.first]
            assert report.first <= report.last
            assert not [line for line in lines[report.first : report.last + 1] if DEED in line]


def formats() -> list[tuple[list[str], str]]:
    """Each written report: what is expected, and the log."""
    blocks = FORMATS.read_text().split("\n\n")
    parts = [block.partition("\n") for block in blocks if block.startswith(TITLE)]
    return [(head.removeprefix(TITLE).split(" | "), body) for head, _, body in parts]


@pytest.mark.parametrize(
    ("expected", "log"), formats(), ids=lambda value: value[2][:40] if value and isinstance(value, list) else ""
)
def test_a_report_in_the_kernels_format_is_read(expected: list[str], log: str) -> None:
    [found] = read_log(log, stamped=False)
    assert [found.severity, found.kind, found.title, found.function or "-"] == expected


def test_two_reports_in_a_row_are_two() -> None:
    """In each pair of formats, whatever comes first."""
    bodies = [body for _, body in formats()]
    for first, second in zip(bodies, [*bodies[1:], bodies[0]], strict=True):
        assert len(read_log(f"{first}\nring: a line of a driver\n" * 2 + second, stamped=False)) in (2, 3)


HEALTHY = (
    "ring: bad uint32 in descriptor 3",
    "ring: Oops: tx ring full: dropping",
    "ring: DEBUG: queue depth 3",
    "ring: BUG: descriptor 3 is not mine",
    "rcu callback installed",
    "rcu: Hierarchical RCU implementation.",
    "rcu: \tRCU restricting CPUs from NR_CPUS=8192 to nr_cpu_ids=1.",
    "traps: python3[190] general protection fault ip:7f0e2c sp:7ffd10 error:0 in libc.so.6[7f0e20+1ab000]",
    "traps: ring-test[191] trap invalid opcode ip:401136 sp:7ffc2e error:0 in ring-test[401000+1000]",
    "traps: ring-test[192] trap int3 ip:401136 sp:7ffc2e error:0",
    "python3[193]: segfault at 0 ip 000055d0 sp 00007ffc error 4 in python3.11[55d0+2a0000]",
    "WARNING: queue 2 of 8 is slow",
    "BUG: descriptor 3 is not mine, dropping",
    "INFO: lockdep is turned off.",
    "watchdog: Delayed init of the lockup detector failed: -19",
    "NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
    "EXT4-fs (nbd0): mounted filesystem with ordered data mode. Quota mode: none.",
    "EXT4-fs (nbd0): warning: mounting fs with errors, running e2fsck is recommended",
    "workqueue: name exceeds WQ_NAME_LEN. Truncating to: kworker-for-a-very-long-name",
    "Kernel panic is not what this driver does",
    "8139cp 0000:00:03.0 eth0: link up, 100Mbps, full-duplex, lpa 0x05E1",
    "kmemleak: Kernel memory leak detector initialized (mem pool available: 15699)",
    "nbd: WARNING: CPU: too many",
    "irq 11: handler registered",
    "Oops",
    "BUG",
    "",
)  # fmt: skip


@pytest.mark.parametrize("text", HEALTHY)
def test_a_healthy_line_is_no_trouble(text: str) -> None:
    assert not is_trouble(text) and not is_trouble(stamped(text))
    assert not read_log(stamped(text))


@pytest.mark.parametrize("text", HEALTHY)
def test_a_healthy_line_hides_no_oops_that_follows(text: str) -> None:
    oops = stamped(
        "BUG: kernel NULL pointer dereference, address: 0000000000000000", "RIP: 0010:ring_write+0xb/0x3f0 [ring]"
    )
    [found] = read_log(stamped(text) + oops)
    assert (found.severity, found.function, found.module) == ("oops", "ring_write", "ring")


def test_the_name_of_a_task_is_no_sign() -> None:
    [found] = read_log(stamped("INFO: task print3d:190 blocked for more than 8 seconds."))
    assert (found.severity, found.title) == ("hung_task", "print3d:190")


def test_ten_megabytes_of_ordinary_messages_hold_no_report() -> None:
    """Boot messages of the recorded guests' kernels, and healthy lines, many times: and that takes no minute."""
    ordinary = FORMATS.with_name("ordinary.log").read_text()
    assert len(ordinary) > 20_000
    noise = (ordinary + stamped(*HEALTHY)) * (10_000_000 // len(ordinary) + 1)
    start = time.process_time()
    assert len(noise) > 10_000_000 and not read_log(noise)
    assert time.process_time() - start < 60


@pytest.mark.parametrize(
    ("raw", "t_ns", "level", "caller", "text"),
    [
        ("[   34.715189] BUG: x", 34_715_189_000, None, None, "BUG: x"),
        ("<4>[    0.000001] BUG: x", 1_000, 4, None, "BUG: x"),
        ("<4>[    0.000001][  T190] BUG: x", 1_000, 4, "T190", "BUG: x"),
        ("[    0.000001][    C0]  ring+0x1/0x2", 1_000, None, "C0", " ring+0x1/0x2"),
        ("Nov 29 12:00:01 host kernel: [    1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("2026-11-29T12:00:01.5+00:00 host kernel: BUG: x", None, None, None, "BUG: x"),
        ("Nov  9 12:00:01 kernel: [    1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("Nov 29 12:00:01 host user.err kernel: [    1.000000]  f+0x1/0x2", 1_000_000_000, None, None, " f+0x1/0x2"),
        ("Sun Nov 29 12:00:01 2026 kern.warn kernel: [   1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("Nov 29 12:00:01 host kernel:  f+0x1/0x2", None, None, None, " f+0x1/0x2"),
        ("ноя 29 12:00:01 host kernel: BUG: x", None, None, None, "BUG: x"),
        ("2026-11-29T12:00:01Z BUG: x", None, None, None, "BUG: x"),
        ("2026-11-29T12:00:01,500000+00:00  f+0x1/0x2", None, None, None, " f+0x1/0x2"),
        ("[Sun Nov 29 12:00:01 2026]  f+0x1/0x2", None, None, None, " f+0x1/0x2"),
        ("kern  :warn  : [    1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("3,630,1000001,-;BUG: x", 1_000_001_000, 3, None, "BUG: x"),
        ("4,631,1000001,-,caller=T190; f+0x1/0x2", 1_000_001_000, 4, None, " f+0x1/0x2"),
        ("/ # [    1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("half a line of a program[    1.000000][  T190] BUG: x", 1_000_000_000, None, "T190", "BUG: x"),
        ("> [    1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("[  240.] BUG: x", 240_000_000_000, None, None, "BUG: x"),
        ("[    1.000000] [pid:0,cpu0,swapper/0]BUG: x", 1_000_000_000, None, None, "BUG: x"),
        (
            "[    1.000000] ring: after [    2.000000] BUG: x",
            1_000_000_000,
            None,
            None,
            "ring: after [    2.000000] BUG: x",
        ),
        (" kernel:[    1.000000] BUG: x", 1_000_000_000, None, None, "BUG: x"),
        ("kernel:BUG: x", None, None, None, "BUG: x"),
        ("[   48.634897] kernel: BUG: x", 48_634_897_000, None, None, "BUG: x"),
        (" no prefix", None, None, None, " no prefix"),
        ("[no time] x", None, None, None, "[no time] x"),
        ("", None, None, None, ""),
    ],
)
def test_prefixes_are_taken_off(raw: str, t_ns: int | None, level: int | None, caller: str | None, text: str) -> None:
    line = parse_line(raw, 7)
    assert (line.number, line.t_ns, line.level, line.caller, line.text) == (7, t_ns, level, caller, text)


@pytest.mark.parametrize(
    "helper",
    [
        "memcpy_orig", "__memset", "strnlen", "rep_movs_alternative", "_copy_to_user", "usercopy_abort",
        "__check_object_size", "__fortify_panic", "__list_del_entry_valid_or_report", "refcount_warn_saturate",
        "_raw_spin_lock_irqsave", "native_queued_spin_lock_slowpath", "mutex_lock", "__schedule", "schedule_timeout",
        "kfree", "kmem_cache_free", "__kmalloc_noprof", "skb_put", "skb_panic", "warn_slowpath_fmt", "dump_stack_lvl",
        "__warn_printk", "asm_exc_page_fault", "kasan_report", "__asan_load8", "wait_for_completion",
    ],
)  # fmt: skip
def test_the_kernels_helpers_are_not_blamed(helper: str) -> None:
    top, caller = Frame(helper, "0x1"), Frame("ring_write", "0x2", "ring")
    assert to_blame(top, [caller]) == caller
    mine = Frame(helper, "0x1", "ring")
    assert to_blame(mine, [caller]) == mine, "a module's own function of that name did it"


@pytest.mark.parametrize(
    "function",
    [
        "vfs_write",
        "nbd_queue_rq",
        "cp_interrupt",
        "do_page",
        "blk_mq_dispatch_rq_list",
        "tty_write",
        "e1000_clean",
        "update_curr",
    ],
)
def test_other_functions_are_blamed(function: str) -> None:
    assert HELPERS.fullmatch(function) is None


def test_two_bugs_under_one_helper_are_told_apart() -> None:
    logs = [
        stamped(
            "usercopy: Kernel memory exposure attempt detected from SLUB object 'kmalloc-64' (offset 0, size 128)!",
            "------------[ cut here ]------------", "kernel BUG at mm/usercopy.c:102!",
            "Oops: invalid opcode: 0000 [#1] PREEMPT SMP NOPTI", "RIP: 0010:usercopy_abort+0x7a/0x7c", "Call Trace:",
            " <TASK>", " __check_heap_object+0xe3/0x120", " __check_object_size+0x1f6/0x260",
            f" {function}+0x5d/0xa0 [ring]", " vfs_write+0xf5/0x450", " </TASK>",
            "---[ end trace 0000000000000000 ]---",
        )
        for function in ("ring_read", "ring_write")
    ]  # fmt: skip
    found = [report for log in logs for report in read_log(log)]
    assert [(report.kind, report.function, report.module) for report in found] == [
        ("user copy", "ring_read", "ring"),
        ("user copy", "ring_write", "ring"),
    ]


def test_a_frame_that_is_guessed_is_not_blamed() -> None:
    log = stamped("WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 refcount_warn_saturate+0xbe/0x110", "Call Trace:",
                  " <TASK>", " ? ring_write+0x1/0x2 [ring]", " ring_read+0x1/0x2 [ring]", " </TASK>")  # fmt: skip
    [found] = read_log(log)
    assert found.function == "ring_read"


@given(st.text())
def test_any_text_can_be_read(log: str) -> None:
    for report in read_log(log, stamped=False):
        assert 0 <= report.first <= report.last


@given(st.lists(st.sampled_from([line for _, body in formats() for line in body.split("\n")]), max_size=60))
def test_lines_of_reports_in_any_order_can_be_read(lines: list[str]) -> None:
    reports = read_log("\n".join(lines), stamped=False)
    starts = [report.first for report in reports]
    assert starts == sorted({*starts})
    assert all(report.last < following for report, following in zip(reports, starts[1:], strict=False))


@given(st.integers(0, 10**6), st.sampled_from(sorted(GUESTS)))
def test_a_log_that_was_cut_anywhere_tells_what_it_has(at: int, name: str) -> None:
    whole = (LOGS / f"{name}.log").read_text()
    whole = whole[: min(len(whole), 20_000)]
    cut = whole[: at % (len(whole) + 1)]
    kinds = {report.kind for report in read_log(whole)} | {"bug", "warning"}  # a cut line may lack its announcement
    assert {report.kind for report in read_log(cut)} <= kinds


@pytest.mark.parametrize(
    "evil", ["BUG: " + "x" * 10**6, "WARNING: CPU: " + "1" * 10**6, "a" * 10**6 + " [#1]", " " * 10**6, "A: " * 10**5]
)
def test_long_lines_take_no_longer_than_they_are(evil: str) -> None:
    start = time.process_time()
    read_log(stamped(evil) * 3)
    assert time.process_time() - start < 5


def test_lines_without_time_are_not_the_kernels() -> None:
    assert not read_log("Kernel panic - not syncing: x\n")
    assert [report.title for report in read_log("Kernel panic - not syncing: x\n", stamped=False)] == ["x"]
    assert [line.text for line in read_lines("a\n[    1.000000] b\n")] == ["b"]
