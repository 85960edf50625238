"""Cuts: both halves of real drivers, what crosses between them, and what cannot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faultkit.machine import cbuild
from faultkit.model.errors import UnmetNeed, UsageError
from microdriver.contract import contract
from slicer import report, source
from slicer.annotations import annotations_of
from slicer.build import Halves, cut_driver
from slicer.contract import IN, OUT, Marshal
from slicer.cut import kernel_edits, process_edits
from slicer.interface import Argument, Downcall, Upcall, bytes_of_calls
from slicer.plan import Cut
from tests.source import HOME

REFUSED = HOME / "tests" / "slicer_refused"
REAL = ("8139cp", "8139too", "e1000", "i6300esb")
LINE = re.compile(rb'#line (\d+) "([^"]+)"\n')


def real(name: str) -> Halves:
    """A driver of Debian's, cut."""
    try:
        source.tree()
    except UnmetNeed as reason:
        pytest.skip(str(reason))
    return cut_driver(name)


@pytest.fixture(scope="module")
def rtl8139() -> Halves:
    return real("8139cp")


def upcall(cut: Halves, name: str) -> Upcall:
    return next(each for each in cut.interface.upcalls if each.label == name)


def downcall(cut: Halves, name: str) -> Downcall:
    return next(each for each in cut.interface.downcalls if each.name == name)


# ---- what crosses ----


@pytest.mark.parametrize("name", REAL)
def test_whole_objects_cross_to_the_process_and_the_same_fields_come_back(name: str) -> None:
    fields, whole = real(name).interface, cut_driver(name, marshal=Marshal.WHOLE).interface
    written = {(row.type, row.path) for call in fields.upcalls for row in call.accesses if row.mode & OUT}
    assert {(row.type, row.path) for call in whole.upcalls for row in call.accesses if row.mode & OUT} == written
    for call, same in zip(whole.upcalls, fields.upcalls, strict=True):
        assert {row.type for row in call.accesses} == {row.type for row in same.accesses}
        assert {(row.type, row.path) for row in call.accesses} >= {(row.type, row.path) for row in same.accesses}
    (some, all_of_them), (everything, objects) = bytes_of_calls(fields), bytes_of_calls(whole)
    assert some < everything == objects == all_of_them


def test_upcalls_of_8139cp_cross_with_the_fields_that_its_source_names(rtl8139: Halves) -> None:
    modes = {each.path: each.mode for each in upcall(rtl8139, "cp_open").accesses}
    assert modes["priv.ring_dma"] == modes["priv.rx_ring"] == IN | OUT, "the address of one is given away"
    assert modes["priv.msg_enable"] == IN
    assert "priv.tx_skb" not in modes and "priv.lock" not in modes
    assert len(rtl8139.interface.upcalls) == 27


def test_a_bit_field_is_its_bits_alone(rtl8139: Halves) -> None:
    device = next(each for each in rtl8139.interface.types if each.name == "net_device")
    assert device.private == "cp_private"
    assert (device.fields["priv.wol_enabled"].shape, device.fields["priv.wol_enabled"].mask) == ("bits", 1)


def test_arguments_are_known_by_what_they_lead_to(rtl8139: Halves) -> None:
    assert upcall(rtl8139, "cp_init_one").arguments[0] == Argument(kind="keep", type="pci_dev")
    assert upcall(rtl8139, "cp_set_mac_address").arguments[1] == Argument(kind="borrow", type="sockaddr")
    assert upcall(rtl8139, "cp_get_regs").arguments[2].count == "(regs->len) * sizeof(*(p))"
    assert downcall(rtl8139, "dma_alloc_attrs").arguments[2] == Argument(kind="copy", size=8)
    assert downcall(rtl8139, "dev_addr_mod").arguments[2] == Argument(kind="copy", size=1, length=3)
    assert downcall(rtl8139, "pci_request_regions").arguments[1] == Argument(kind="text")
    assert {downcall(rtl8139, name).kind for name in ("netif_stop_queue", "netif_running")} == {"inline"}
    assert downcall(rtl8139, "cp_stop_hw").kind == "driver"


def test_functions_that_may_not_wait_have_an_answer_while_the_process_holds_a_lock(rtl8139: Halves) -> None:
    gates = rtl8139.interface.gates
    assert gates["cp_start_xmit"] == "NETDEV_TX_BUSY"
    assert gates["cp_interrupt"] == "IRQ_NONE"
    assert gates["cp_rx_poll"] == "budget"
    assert gates["cp_set_rx_mode"] == "LATER sliced_gate_rx_mode, dev"


def test_records_that_the_process_allocates_are_allocated_by_the_kernels_half() -> None:
    kinds = {each.name: each.kind for each in real("i6300esb").interface.downcalls}
    assert kinds["manage_esb_dev"] == "manage", "its device frees it"


def test_memory_of_a_device_may_hold_records_that_no_object_holds(rtl8139: Halves) -> None:
    assert "cp_dma_stats" not in {each.name for each in rtl8139.interface.types}


# ---- the text ----


@pytest.mark.parametrize("name", REAL)
def test_lines_keep_their_numbers(name: str) -> None:
    cut = real(name)
    home = source.find(name)
    for half, suffix, edits in (("kernel", "k", kernel_edits), ("process", "u", process_edits)):
        given = (cut.interface, {each.label: "0" for each in cut.interface.upcalls})
        changed = list(edits(*given) if half == "kernel" else edits(cut.interface))
        for unit in home.units:
            place = home.relative(str(unit.file))
            text = (cut.folder / half / f"{unit.file.stem}_{suffix}.c").read_bytes()
            lines = numbered(text, place)
            original = unit.file.read_bytes().split(b"\n")
            touched = {
                number
                for file, each in changed
                if file == place
                for number in range(line_of(unit.file, each.start), line_of(unit.file, each.end) + 1)
            }
            kept = [n for n in range(1, len(original)) if n not in touched]
            assert len(kept) > len(original) // 5
            assert [n for n in kept if lines.get(n) != original[n - 1]] == []


def line_of(file: Path, offset: int) -> int:
    """The number of the line that a byte stands in."""
    return file.read_bytes()[:offset].count(b"\n") + 1


def numbered(text: bytes, name: str) -> dict[int, bytes]:
    """The lines of a text by the numbers that its directives give them."""
    found: dict[int, bytes] = {}
    number = 0
    for line in text.split(b"\n"):
        if directive := LINE.match(line + b"\n"):
            assert directive[2].decode() == name
            number = int(directive[1])
        elif not line.startswith(b'#include "sliced_'):
            found.setdefault(number, line)
            number += 1
    return found


CUT = "from slicer.build import cut_driver; print(cut_driver('8139too').folder)"


def test_two_cuts_are_identical(tmp_path: Path) -> None:
    cut = real("8139too")
    environment = {**os.environ, "PYTHONHASHSEED": "7", "FAULTKIT_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CUT], capture_output=True, text=True, check=True, env=environment)
    other = Path(done.stdout.strip())
    files = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file() and path.suffix != ".o")
    assert len(files) > 15
    for path in files:
        ours = (cut.folder / path).read_text().replace(str(source.tree()), "TREE")
        theirs = (other / path).read_text().replace(str(tmp_path), str(source.tree().parents[1]))
        assert ours == theirs.replace(str(source.tree()), "TREE"), path


@pytest.mark.parametrize("name", REAL)
def test_the_compiler_checks_the_layouts(name: str) -> None:
    cut = real(name)
    texts = [path.read_text() for path in (cut.folder / "process").glob("*_u.c")]
    checks = sum(text.count("_Static_assert(offsetof(") for text in texts)
    scalars = sum(each.shape != "bits" for kind in cut.interface.types if kind.record for each in kind.fields.values())
    assert 0 < checks >= scalars // 2


@pytest.mark.parametrize("name", REAL)
def test_the_process_is_linked_and_tells_its_contract(name: str) -> None:
    cut = real(name)
    said = contract(cbuild.program(cut.program))
    assert [*said.upcalls] == [each.function.name for each in cut.interface.upcalls]
    assert [*said.downcalls] == [each.name for each in cut.interface.downcalls]


# ---- what cannot be cut ----


def test_all_that_cannot_cross_is_refused_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        cut_driver(str(REFUSED))
    said = str(refused.value)
    assert said.startswith("refused cannot be cut yet: ") and "\n" not in said
    for words in (
        "refused_many() has 7 arguments, more than 6",
        "refused_by_value() takes a refused_pair by value, which cannot cross",
        "refused_numbers(0) points to numbers of unknown count: add a row to [lengths]",
        "refused_stop: the process writes the string priv.name, which cannot cross",
        "nobody knows what refused_select() (net_device_ops.ndo_select_queue) answers while the process holds a lock",
        "refused_hand_out(0) is given the address of made, which the process alone knows",
        "refused_keep(0) is given the address of refused_open.none, which the process alone knows",
    ):
        assert words in said, words
    for word in (
        "devm_request",
        "refused_interrupt",
    ):  # the header's function crosses
        assert word not in said, said


# ---- annotations ----

ANNOTATIONS = {
    "[kernel": "slicer.toml is no TOML: ",
    "[length]\na = '1'\n": "slicer.toml has the table [length], which is none of: ",
    "lengths = 1\n": "slicer.toml: each row stands in a table, such as [lengths]",
    "[kernel]\nfunctions = ['refuse_open']\n": "[kernel] 'refuse_open' names no function of refused's",
    "[acquire]\na = 'b'\n": "slicer.toml: a = 'b' is no row: ",
}


@pytest.mark.parametrize("text", ANNOTATIONS)
def test_a_wrong_annotation_is_told_in_a_line(tmp_path: Path, text: str) -> None:
    driver = copied(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        report.sliced(str(driver), Cut.ATOMIC)
    assert ANNOTATIONS[text] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_annotations_decide_and_are_counted(tmp_path: Path) -> None:
    driver = copied(tmp_path, "# why\n[kernel]\nfunctions = ['refused_o*', 'refused_stop']\n\n[lengths]\n'a.b' = '1'\n")
    found = report.sliced(str(driver), Cut.DATA)
    assert found.plan.placed["refused_open"].root is not None
    assert found.plan.placed["refused_open"].root.context == "annotation"
    assert annotations_of(source.find(str(driver))).rows == 2
    assert report.report_json(found)["annotations"] == 2


def copied(place: Path, annotations: str) -> Path:
    """The driver that is refused, with annotations."""
    driver = place / "driver"
    driver.mkdir()
    for name in ("Kbuild", "refused.c"):
        (driver / name).write_bytes((REFUSED / name).read_bytes())
    (driver / "slicer.toml").write_text(annotations)
    return driver


def test_a_function_that_nothing_declares_is_an_error_of_the_compiler(tmp_path: Path) -> None:
    driver = copied(tmp_path, "")
    text = (driver / "refused.c").read_text()
    (driver / "refused.c").write_text(text.replace("#include <linux/etherdevice.h>\n", ""))
    with pytest.raises(UsageError, match=r"does not compile: .*alloc_etherdev"):
        report.sliced(str(driver), Cut.ATOMIC)


def test_variables_that_nobody_may_write_do_not_cross() -> None:
    e1000 = real("e1000").interface
    assert "e1000_gstrings_stats" not in {each.name for each in e1000.types}
    assert "e1000_gstrings_stats" in {each.name for each in e1000.statics}, "pointers may lead there"
    assert "debug" in {each.name for each in e1000.types}


def test_a_name_that_the_process_prints_crosses() -> None:
    watchdog = upcall(real("e1000"), "e1000_watchdog")
    assert {each.path: each.mode for each in watchdog.accesses}["name"] == IN


def test_a_pointer_to_one_record_leads_to_an_object() -> None:
    device = next(each for each in real("e1000").interface.types if each.name == "net_device")
    ring = device.fields["priv.rx_ring"]
    assert (ring.shape, ring.to) == ("pointer", "e1000_rx_ring")


# ---- the command ----


def sliced(*words: str) -> subprocess.CompletedProcess[str]:
    """`faultkit slice`, as a user runs it."""
    command = [sys.executable, "-m", "faultkit.cli", "slice", *words]
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_command_builds_into_a_folder_and_says_what_it_made(tmp_path: Path) -> None:
    real("i6300esb")
    target = tmp_path / "halves"
    done = sliced("i6300esb", "--build", str(target), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["driver"], said["upcalls"], said["folder"]) == ("i6300esb", 6, str(target))
    assert 1000 < said["native_bytes"] < said["kernel_bytes"], "tables of a small driver outweigh its code"
    assert said["function_bytes"]["kernel"] < 100 < said["function_bytes"]["process"] < said["native_bytes"]
    assert 0 < said["field_bytes"] < said["object_bytes"]
    names = {path.name for path in target.iterdir()}
    assert names == {"kernel", "process", "microdriver.ko", "i6300esb.ko", "i6300esb_u"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("8139cp", "--build", "{place}"), "{place} is not empty: name a folder that is not there yet"),
        (("8139cp", "--build", "{place}/new", "--report"), "--report and --build are two questions: ask one at a time"),
        (
            ("8139cp", "--picture", "{place}/a.html", "--explain", "cp_tx"),
            "--explain and --picture are two questions: ask one at a time",
        ),
        (("8139cp", "--marshal", "whole"), "--marshal is for --build: give both"),
        (("--survey", "rows", "--build", "{place}/new"), "--survey is about all drivers: give it alone"),
    ],
)
def test_a_wrong_question_is_told_in_a_line(tmp_path: Path, words: tuple[str, ...], error: str) -> None:
    (tmp_path / "there").touch()
    done = sliced(*(word.format(place=tmp_path) for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"faultkit: {error.format(place=tmp_path)}\n"
