"""Which calls leave a module, and by which names: synthetic code and lines of /proc/kallsyms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.machine.callsites import call_sites
from faultkit.machine.symbols import Symbol, function_names, names, parse_kallsyms
from faultkit.model.code import CallSite, Function

BASE = 0xFFFFFFFFC0000000
KMALLOC, KFREE = 0xFFFFFFFF81200000, 0xFFFFFFFF81200480
KNOWN = {KMALLOC: "kmalloc", KFREE: "kfree"}
CALL, JUMP = b"\xe8", b"\xe9"
KALLSYMS = """\
ffffffff81000000 T _text
ffffffff81200000 T __kmalloc
ffffffff81200000 T kmalloc
ffffffff81200000 t local_kmalloc
ffffffff812003f0 t __pfx_kfree
ffffffff81200480 W kfree
ffffffff82000000 D jiffies
ffffffffc0000000 t ring_write\t[ring]
ffffffffc0000040 t __pfx_ring_read\t[ring]
ffffffffc0001000 t bpf_prog_6deef7357e7b4530\t[bpf]
"""


def to(opcode: bytes, target: int, at: int) -> bytes:
    """A call or jump at `at` to `target`."""
    return opcode + (target - at - len(opcode) - 4).to_bytes(4, "little", signed=True)


def found(code: bytes) -> list[CallSite]:
    """The sites in a function that consists of this code."""
    return list(call_sites([Function("f", BASE, code)], KNOWN))


def test_calls_and_tail_jumps_are_found_where_they_are() -> None:
    code = b"\x53" + to(CALL, KMALLOC, BASE + 1) + b"\x5b" + to(JUMP, KFREE, BASE + 7)
    assert found(code) == [
        CallSite("f", 1, BASE + 1, 5, "kmalloc", tail=False),
        CallSite("f", 7, BASE + 7, 5, "kfree", tail=True),
    ]


@pytest.mark.parametrize(
    "code",
    [
        to(CALL, KMALLOC + 1, BASE),  # into the middle of something
        to(CALL, BASE + 64, BASE),  # within the module
        bytes.fromhex("ffd0"),  # through a pointer
        bytes.fromhex("48c7c000002081"),  # the address of kmalloc as a number
        bytes.fromhex("7400"),
    ],
)
def test_what_calls_no_known_function_is_no_site(code: bytes) -> None:
    assert found(code) == []


def test_a_conditional_jump_out_of_the_module_is_a_tail_call() -> None:
    [site] = found(to(b"\x0f\x84", KFREE, BASE))
    assert (site.callee, site.tail, site.size) == ("kfree", True, 6)


def test_what_the_compiler_put_there_is_not_the_drivers() -> None:
    code = to(CALL, KMALLOC, BASE)
    assert not list(call_sites([Function("f", BASE, code)], {KMALLOC: "ftrace_caller"}))


@given(st.lists(st.sampled_from(["53", "5b", "90", "4889fb", "call", "jump"]), max_size=30))
def test_every_call_among_other_instructions_is_found_once(parts: list[str]) -> None:
    code, expected = b"", []
    for part in parts:
        at = BASE + len(code)
        expected += [at] if part in ("call", "jump") else []
        code += {"call": to(CALL, KMALLOC, at), "jump": to(JUMP, KFREE, at)}.get(part) or bytes.fromhex(part)
    assert [site.address for site in found(code)] == expected


def test_functions_are_read_and_nothing_else() -> None:
    symbols = parse_kallsyms(KALLSYMS)
    assert {s.name for s in symbols if s.module == "ring"} == {"ring_write", "__pfx_ring_read"}
    assert not {s.name for s in symbols} & {"jiffies", "bpf_prog_6deef7357e7b4530"}
    assert [s.address for s in symbols] == sorted(s.address for s in symbols)
    assert Symbol(0xFFFFFFFF81200480, "kfree", "", exported=True) in symbols


def test_of_several_names_the_one_that_is_imported_is_taken() -> None:
    known = names(parse_kallsyms(KALLSYMS))
    assert known[0xFFFFFFFF81200000] == "kmalloc"
    assert known[0xFFFFFFFF81200480] == "kfree"
    assert 0xFFFFFFFF812003F0 not in known


def test_the_names_of_functions_are_told_without_their_padding() -> None:
    found = function_names(parse_kallsyms(KALLSYMS))
    assert {"kmalloc", "kfree", "ring_write"} <= set(found) and found == sorted(set(found))
    assert not [name for name in found if name.startswith("__pfx_")]
