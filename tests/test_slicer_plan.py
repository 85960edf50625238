"""Plans: each rule on a driver of our own, real drivers against facts found by hand, and the policies' algebra."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultkit.model.errors import UnmetNeed, UsageError
from slicer import knowledge, program, report, source
from slicer.plan import Cut, Half, Placed, Planning, SplitPlan
from slicer.program import DriverProgram
from slicer.tree import Defined
from slicer.values import Edge, Values
from tests.source import HOME

RULES = HOME / "tests" / "slicer_rules"


@pytest.fixture(scope="module")
def rules() -> report.Sliced:
    """The driver with a case for each rule, under the default policy."""
    return report.sliced(str(RULES), Cut.ATOMIC, "rules")


def planned(sliced: report.Sliced, cut: Cut) -> SplitPlan:
    """The same driver under another policy."""
    return Planning(sliced.program, sliced.values, knowledge.shared_knowledge()).plan(cut)


KERNEL = {
    "rules_xmit": ("net_device_ops.ndo_start_xmit", "data", []),
    "rules_deeper": ("net_device_ops.ndo_start_xmit", "data", ["rules_deeper"]),
    "rules_deepest": ("net_device_ops.ndo_start_xmit", "data", ["rules_deeper", "rules_deepest"]),
    "rules_count": ("net_device_ops.ndo_start_xmit", "data", ["rules_deeper", "rules_deepest", "rules_count"]),
    "rules_interrupt": ("request_threaded_irq(1)", "data", []),
    "rules_kick": ("request_threaded_irq(1)", "data", ["rules_kick"]),
    "rules_tick": ("init_timer_key(1)", "atomic", []),
    "rules_visit_each": ("init_timer_key(1)", "atomic", ["rules_visit_each"]),
    "rules_visit": ("init_timer_key(1)", "atomic", ["rules_visit_each", "rules_visit"]),
    "rules_set_rx_mode": ("net_device_ops.ndo_set_rx_mode", "atomic", []),
    "rules_ring": ("net_device_ops.ndo_set_rx_mode", "atomic", ["rules_ring"]),
}
PROCESS = {
    "rules_open": ("net_device_ops.ndo_open", []),
    "rules_start": ("net_device_ops.ndo_open", ["rules_start"]),
    "rules_compare": ("net_device_ops.ndo_open", ["rules_compare"]),
    "rules_stop": ("net_device_ops.ndo_stop", []),
    "rules_work": ("work_struct.func", []),
    "rules_destroy": ("net_device.priv_destructor", []),
    "rules_get_msglevel": ("ethtool_ops.get_msglevel", []),
    "rules_set_msglevel": ("ethtool_ops.set_msglevel", []),
    "rules_lock": ("ethtool_ops.set_msglevel", ["rules_lock"]),
    "rules_unlock": ("ethtool_ops.set_msglevel", ["rules_unlock"]),
    "rules_probe": ("platform_driver.probe", []),
}


@pytest.mark.parametrize("name", KERNEL)
def test_what_may_not_sleep_stays_in_the_kernel_with_all_that_it_calls(rules: report.Sliced, name: str) -> None:
    slot, context, calls = KERNEL[name]
    placed = rules.plan.placed[name]
    assert placed.half is Half.KERNEL and placed.root is not None
    assert (placed.root.slot, placed.root.context) == (slot, context)
    assert [edge.callee for edge in placed.path] == calls


@pytest.mark.parametrize("name", PROCESS)
def test_what_may_sleep_goes_to_the_process(rules: report.Sliced, name: str) -> None:
    slot, calls = PROCESS[name]
    placed = rules.plan.placed[name]
    assert placed.half is Half.PROCESS and placed.root is not None
    assert (placed.root.slot, placed.root.context) == (slot, "process")
    assert [edge.callee for edge in placed.path] == calls


def test_these_are_all_functions_but_one_that_nobody_calls(rules: report.Sliced) -> None:
    known = {each.label for half in Half for each in rules.plan.of(half)}
    assert known == {*KERNEL, *PROCESS, "rules_forgotten"}
    assert rules.plan.placed["rules_forgotten"].half is Half.KERNEL
    assert rules.plan.placed["rules_forgotten"].root is None
    assert rules.plan.final


def test_calls_through_tables_and_callbacks_say_so(rules: report.Sliced) -> None:
    assert rules.plan.placed["rules_kick"].path[-1].through == "rules_ops.kick"
    assert rules.plan.placed["rules_visit"].path[-1].through == "visit"
    assert rules.plan.placed["rules_compare"].path[-1].through == "sort(), sort(3)"


def test_the_policy_data_moves_more_and_the_policy_keep_locks_less(rules: report.Sliced) -> None:
    moved = {cut: {each.label for each in planned(rules, cut).of(Half.PROCESS)} for cut in Cut}
    atomic_roots = {"rules_tick", "rules_visit_each", "rules_visit", "rules_set_rx_mode"}
    assert moved[Cut.DATA] - moved[Cut.ATOMIC] == atomic_roots
    takers = {"rules_get_msglevel", "rules_set_msglevel", "rules_lock", "rules_unlock"}
    assert moved[Cut.ATOMIC] - moved[Cut.KEEP_LOCKS] == takers


def test_a_function_that_returns_with_a_lock_held_makes_its_caller_one_that_takes_it(rules: report.Sliced) -> None:
    placed = planned(rules, Cut.KEEP_LOCKS).placed["rules_set_msglevel"]
    assert placed.root is not None and placed.root.context == "lock"


def test_an_unknown_slot_keeps_its_function_and_all_that_it_calls_and_no_share_is_given() -> None:
    found = report.sliced(str(RULES), Cut.DATA, "unknown")
    assert found.plan.unknown == {"EXPORT_SYMBOL": ("unknown_answer",), "console.write": ("unknown_write",)}
    kept = {each.label for each in found.plan.of(Half.KERNEL)}
    assert kept == {"unknown_answer", "unknown_write", "unknown_put"}
    assert not found.plan.final
    assert report.plan_json(found.plan)["process_share"] is None
    said = "\n".join(report.plan_lines(found.plan))
    assert "not final: 2 unknown slots" in said and "%" not in said


def test_two_runs_are_byte_identical(tmp_path: Path) -> None:
    """From the text of the driver on, in processes that hash strings differently."""
    said = [ran(tmp_path, seed, str(RULES), "--module", "fields", "--report", "--json") for seed in ("1", "2")]
    assert said[0].stdout == said[1].stdout and len(json.loads(said[0].stdout)["unresolved"]) == 4
    kept = [next((tmp_path / seed / "programs").rglob(program.FILE)).read_bytes() for seed in ("1", "2")]
    assert kept[0] == kept[1]


def ran(place: Path, seed: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`faultkit slice` with a cache and a hash seed of its own."""
    environment = {**os.environ, "PYTHONPATH": str(HOME), "PYTHONHASHSEED": seed, "FAULTKIT_CACHE": str(place / seed)}
    command = [sys.executable, "-m", "faultkit.cli", "slice", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = ran(tmp_path, "1", str(RULES))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"faultkit: {RULES} builds 3 modules, fields, rules, unknown: slice one, with --module NAME\n"


@pytest.mark.parametrize(
    ("driver", "module", "words"),
    [
        (str(RULES), "rule", "builds no module rule; its Kbuild names: fields, rules, unknown"),
        ("./nowhere", None, "is no driver: there is no such folder"),
        (str(HOME / "docs"), None, "is no driver: it has neither a Kbuild nor a Makefile"),
    ],
)
def test_a_driver_that_is_not_there_is_told(driver: str, module: str | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        report.sliced(driver, Cut.ATOMIC, module)


def test_a_module_of_a_driver_that_is_one_is_refused() -> None:
    assert real("i6300esb").driver == "i6300esb"
    with pytest.raises(UsageError, match="'i6300esb' is one module: --module is for a folder that builds several"):
        report.sliced("i6300esb", Cut.ATOMIC, "other")


def test_a_driver_that_does_not_compile_is_told_with_the_compilers_first_words(tmp_path: Path) -> None:
    (tmp_path / "Kbuild").write_text("obj-m := bad.o\n")
    (tmp_path / "bad.c").write_text("int answer(void)\n{\n\treturn question;\n}\n")
    with pytest.raises(UsageError, match=r"bad does not compile: bad\.c:3: use of undeclared identifier 'question'"):
        report.sliced(str(tmp_path), Cut.ATOMIC)


def test_an_object_that_no_c_file_makes_is_told(tmp_path: Path) -> None:
    (tmp_path / "Kbuild").write_text("obj-m := gone.o\n")
    with pytest.raises(UsageError, match=r"gone\.c is not there: no C file makes the object gone\.o"):
        report.sliced(str(tmp_path), Cut.ATOMIC)


def test_an_unknown_function_comes_with_its_neighbours(rules: report.Sliced) -> None:
    with pytest.raises(UsageError, match=r"rules has no function 'rules_tock' of its own; near names: rules_"):
        report.named(rules.plan, "rules_tock")


def test_an_explanation_goes_from_the_root_to_the_function(rules: report.Sliced) -> None:
    said = list(report.explain_lines(rules.plan, "rules_kick"))
    assert said[0].startswith("rules_kick (rules.c:") and said[0].endswith(") stays in the kernel, policy atomic")
    assert said[1:3] == [
        "  rules_interrupt is in the slot request_threaded_irq(1)",
        "  request_threaded_irq(1) is data: hard interrupt",
    ]
    assert said[3].startswith("  rules_interrupt calls rules_kick through rules_ops.kick at line ")


# Real drivers. Their sets were read from the source by hand.


def real(name: str) -> SplitPlan:
    """A driver of Debian's linux-source, if it is there."""
    try:
        source.tree()
    except UnmetNeed as need:
        pytest.skip(str(need))
    return report.sliced(name, Cut.ATOMIC).plan


def labels(plan: SplitPlan, half: Half) -> set[str]:
    """The functions of a side."""
    return {each.label for each in plan.of(half)}


def test_8139cp() -> None:
    plan = real("8139cp")
    assert plan.final
    assert labels(plan, Half.KERNEL) == {
        "__cp_get_stats", "__cp_set_rx_mode", "cp_clean_rings", "cp_features_check", "cp_get_stats", "cp_init_rings",
        "cp_init_rings_index", "cp_interrupt", "cp_poll_controller", "cp_refill_rx", "cp_rx_csum_ok", "cp_rx_err_acct",
        "cp_rx_poll", "cp_rx_skb", "cp_set_rx_mode", "cp_start_hw", "cp_start_xmit", "cp_stop_hw", "cp_tx",
        "cp_tx_timeout", "cp_tx_vlan_tag", "mdio_read", "mdio_write", "unwind_tx_frag_mapping",
    }  # fmt: skip
    assert len(labels(plan, Half.PROCESS)) == 42
    called = plan.placed["mdio_read"].path
    assert (called[-1].caller, called[-1].through) == ("cp_interrupt", "mii_check_media(), mii_if_info.mdio_read")


def test_8139too() -> None:
    plan = real("8139too")
    assert plan.final
    assert [edge.callee for edge in plan.placed["mdio_sync"].path] == [
        "rtl8139_weird_interrupt", "rtl_check_media", "mdio_read", "mdio_sync",
    ]  # fmt: skip
    assert {"rtl8139_thread", "rtl8139_tx_timeout_task", "rtl8139_hw_start"} <= labels(plan, Half.PROCESS)
    assert {"rtl8139_tx_timeout", "rtl8139_get_stats64", "__set_rx_mode"} <= labels(plan, Half.KERNEL)


def test_e1000() -> None:
    plan = real("e1000")
    assert plan.final and 0.72 < plan.share("lines") < 0.76  # with its annotations
    assert plan.placed["e1000_alloc_jumbo_rx_buffers"].path[-1].through == "e1000_adapter.alloc_rx_buf"
    assert {"e1000_watchdog", "e1000_reset_task", "e1000_update_phy_info_task"} <= labels(plan, Half.PROCESS)
    assert {"e1000_intr", "e1000_clean", "e1000_test_intr", "e1000_netpoll"} <= labels(plan, Half.KERNEL)


def test_uhci_hcd() -> None:
    plan = real("uhci-hcd")
    assert plan.final and plan.share("lines") < 0.25
    assert {"uhci_rh_suspend", "uhci_start", "uhci_pci_probe", "uhci_debug_read"} <= labels(plan, Half.PROCESS)
    assert plan.placed["uhci_fsbr_timeout"].root is not None
    assert plan.placed["uhci_fsbr_timeout"].root.slot == "init_timer_key(1)"


def test_snd_ens1370() -> None:
    plan = real("snd-ens1370")
    assert plan.final
    assert {"snd_ensoniq_trigger", "snd_audiopci_interrupt", "snd_ensoniq_playback1_pointer"} <= labels(
        plan, Half.KERNEL
    )
    assert {"snd_ensoniq_playback1_open", "snd_es1370_codec_write"} <= labels(plan, Half.PROCESS)


def test_i6300esb() -> None:
    plan = real("i6300esb")
    assert plan.final and labels(plan, Half.KERNEL) == set() and len(labels(plan, Half.PROCESS)) == 9


# The algebra, on programs that are drawn.

CONTEXTS = {
    "data": "net_device_ops.ndo_start_xmit",
    "atomic": "net_device_ops.ndo_set_rx_mode",
    "process": "net_device_ops.ndo_open",
    "unknown": "console.write",
}
NAMES = [f"f{number}" for number in range(8)]
NAME = st.sampled_from(NAMES)
CALLS = st.frozensets(st.tuples(NAME, NAME), max_size=16)
SLOTS = st.dictionaries(NAME, st.frozensets(st.sampled_from(sorted(CONTEXTS.values())), min_size=1), max_size=8)
LOCKERS = st.frozensets(NAME, max_size=4)


def drawn(
    calls: frozenset[tuple[str, str]], slots: dict[str, frozenset[str]], lockers: frozenset[str]
) -> tuple[DriverProgram, Values]:
    """A program with these calls, functions in slots, and functions that take a spin lock."""
    functions = {n: Defined(n, "f.c", 1, 1, True, True, False, False, (0, 0), (), 0, ()) for n in NAMES}
    found = DriverProgram(name="drawn", functions=functions, declared={}, globals={}, types=(), records={})
    edges = tuple(sorted(Edge(caller, callee) for caller, callee in calls))
    held = {name: tuple(sorted(in_slots)) for name, in_slots in slots.items()}
    return found, Values(held, edges, {name: frozenset({"_raw_spin_lock"}) for name in lockers})


def placed(found: tuple[DriverProgram, Values], cut: Cut) -> list[Placed]:
    """All functions with their sides."""
    return [*Planning(*found, knowledge.shared_knowledge()).plan(cut).placed.values()]


def kept(found: tuple[DriverProgram, Values], cut: Cut) -> set[str]:
    """The functions that stay."""
    return labels(Planning(*found, knowledge.shared_knowledge()).plan(cut), Half.KERNEL)


@settings(deadline=None)
@given(CALLS, SLOTS, LOCKERS)
def test_policies_are_nested_and_their_kernels_are_closed(
    calls: frozenset[tuple[str, str]], slots: dict[str, frozenset[str]], lockers: frozenset[str]
) -> None:
    data, atomic, locks = (kept(drawn(calls, slots, lockers), cut) for cut in Cut)
    assert data <= atomic <= locks
    reached = {
        each.label
        for each in Planning(*drawn(calls, slots, lockers), knowledge.shared_knowledge())
        .plan(Cut.ATOMIC)
        .placed.values()
        if each.half is Half.KERNEL and each.root is not None
    }
    assert all(callee in reached for caller, callee in calls if caller in reached)


@settings(deadline=None)
@given(CALLS, SLOTS, LOCKERS, NAME, st.sampled_from(["data", "atomic", "unknown"]))
def test_one_more_root_that_stays_never_frees_a_function(
    calls: frozenset[tuple[str, str]],
    slots: dict[str, frozenset[str]],
    lockers: frozenset[str],
    name: str,
    context: str,
) -> None:
    more = {**slots, name: slots.get(name, frozenset()) | {CONTEXTS[context]}}
    for cut in Cut:
        before, after = kept(drawn(calls, slots, lockers), cut), kept(drawn(calls, more, lockers), cut)
        unreached = {each.label for each in placed(drawn(calls, slots, lockers), cut) if each.root is None}
        assert before - unreached <= after
