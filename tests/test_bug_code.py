"""The machine code of the bugs, executed in processes of this machine, and the table of who survived them."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from elftools.elf.elffile import ELFFile

from experiments.microdriver.tables.survival import survival
from faultkit.machine import cbuild
from faultkit.model.builds import Program
from faultkit.model.errors import NotPlaced
from injectors.tools.bug_code import FAR_BYTES, KINDS, MOST_BYTES, bug_code
from injectors.udriver.user_bug import functions_of
from tests.buggy import function_with

PROGRAM = (
    "static int twice(int n) { return 2 * n; }\nint (*volatile way)(int) = twice;\nint main(void) { return way(21); }\n"
)


@pytest.mark.parametrize(
    ("kind", "signal_number"),
    [
        ("null dereference", signal.SIGSEGV),
        ("endless loop", signal.SIGALRM),
        ("double free", signal.SIGABRT),  # glibc notices
    ],
)
def test_a_bug_ends_a_process_as_it_should(kind: str, signal_number: int) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.buggy", kind], capture_output=True, check=False)
    assert done.returncode == -signal_number and not done.stdout


def test_a_wild_write_changes_8_bytes_within_reach_and_the_function_goes_on() -> None:
    room = ctypes.create_string_buffer(2 * FAR_BYTES + 16)
    middle = ctypes.addressof(room) + FAR_BYTES
    for draw in range(20):
        before = room.raw
        assert function_with("wild write", draw)(middle, 7) == 7
        changed = [n for n, (old, new) in enumerate(zip(before, room.raw, strict=True)) if old != new]
        assert changed and changed[-1] - changed[0] < 8


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_room_for_each(kind: str) -> None:
    assert all(len(bug_code(kind, 1 << 63, draw, 1 << 63, 1 << 63)) <= MOST_BYTES for draw in range(20))


def test_functions_of_a_program_are_found_with_their_addresses(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text(PROGRAM)
    program = cbuild.program(Program((tmp_path / "program.c",)))
    found = functions_of(program)
    assert {"main", "twice", "malloc", "free"} <= set(found)
    assert found["main"] != found["twice"]
    with program.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab").iter_symbols()
        assert found == {each.name: each["st_value"] for each in symbols if each["st_info"]["type"] == "STT_FUNC"}


def test_a_stripped_program_has_no_functions_to_lead_aside(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text(PROGRAM)
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, cbuild.program(Program((tmp_path / "program.c",)))], check=True)
    with pytest.raises(NotPlaced, match="no symbol table"):
        functions_of(stripped)


def test_who_survives_is_counted_by_bug_and_driver() -> None:
    rows = [("kernel_bug", "bug: endless loop", "rtl8139", o, True) for o in ("CRASHED", "CRASHED", "LOST")]
    rows += [
        ("user_bug", "bug: endless loop", "rtl8139_micro", o, a) for o, a in (("RECOVERED", True), ("INACTIVE", False))
    ]
    rows += [("golden", "golden", "rtl8139", "MASKED", False)]
    table = survival(pd.DataFrame(rows, columns=["injector", "fault_type", "driver", "outcome", "activated"]))
    assert table["kernel survived"].str.split().str[0].to_dict() == {
        ("bug: endless loop", "rtl8139"): "1/3",
        ("bug: endless loop", "rtl8139_micro"): "1/1",
    }
