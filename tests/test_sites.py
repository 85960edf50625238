"""Where machine code can be changed, and what comes of it: instructions written by hand."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from capstone import CS_ARCH_X86, CS_MODE_64, Cs
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from faultkit.model.code import CallSite, Function, ModuleCode
from faultkit.model.errors import NotPlaced
from injectors.kdriver.text import Text
from injectors.tools.candidates import candidates, pick
from injectors.tools.driver_code import nearest
from injectors.tools.machine_code.flow import INCLUSIVE, inverted, moved_limit, other_inclusion
from injectors.tools.machine_code.instructions import ENDBR, NOPS, body, disassembly, no_operation, starts
from injectors.tools.machine_code.operands import flipped_anywhere, operand_bits, other_word
from injectors.tools.settled import settled_site

FTRACE_NOP = bytes.fromhex("0f1f440000")
# push rbx; mov rbx, rdi; test rdi, rdi; je +2; xor eax, eax; jle +6 (near); pop rbx; ret
PARTS = [bytes.fromhex(code) for code in ("53", "4889fb", "4885ff", "7402", "31c0", "0f8e06000000", "5b", "c3")]
BODY = b"".join(PARTS)
CODE = ENDBR + FTRACE_NOP + BODY
BASE = 0xFFFFFFFFC0000000
OPPOSITES = [("jo", "jno"), ("jb", "jae"), ("je", "jne"), ("jbe", "ja"), ("js", "jns"), ("jp", "jnp"), ("jl", "jge"),
             ("jle", "jg")]  # fmt: skip
OPPOSITE = {a: b for pair in OPPOSITES for a, b in (pair, pair[::-1])}


def decoded(code: bytes) -> list[tuple[int, str, str]]:
    """Size, mnemonic and operands of each instruction."""
    return [(size, name, operands) for _, size, name, operands in Cs(CS_ARCH_X86, CS_MODE_64).disasm_lite(code, BASE)]


def module(*codes: bytes) -> ModuleCode:
    """A module of functions f0, f1, ... a page apart."""
    return ModuleCode("m", tuple(Function(f"f{n}", BASE + 4096 * n, code) for n, code in enumerate(codes)))


@pytest.mark.parametrize("prologue", [b"", ENDBR, FTRACE_NOP, ENDBR + FTRACE_NOP, ENDBR + bytes.fromhex("e812345678")])
def test_what_ftrace_owns_is_no_site_and_all_else_is(prologue: bytes) -> None:
    found = body(Function("f", BASE, prologue + BODY)).instructions
    assert [each.code for each in found] == PARTS
    assert found[0].address == BASE + len(prologue)
    assert [each.end for each in found[:-1]] == [each.address for each in found[1:]]


def test_padding_is_no_site() -> None:
    padded = BODY + b"\xcc" * 7 + bytes.fromhex("0f1f8000000000") + bytes.fromhex("662e0f1f840000000000") + b"\x90"
    assert [site.code for site in candidates(module(padded), "nop")] == PARTS


def test_every_site_is_drawn_and_equally_often() -> None:
    code = module(CODE, CODE, ENDBR + FTRACE_NOP + b"\xc3")
    every = candidates(code, "bit_flip")
    assert len(every) == 2 * len(PARTS) + 1
    per_site = 97
    step = (1 << 64) // (per_site * len(every)) + 1
    drawn = Counter(
        (site.function, site.offset)
        for draw in range(0, 1 << 64, step)
        for site in [settled_site(Text("bit_flip", draw).place({"m": code}).site)]
    )
    assert set(drawn) == {(site.function, site.offset) for site in every}
    assert max(drawn.values()) - min(drawn.values()) <= 1


@pytest.mark.parametrize("draw", [0, 1, (1 << 63), (1 << 64) - 1])
def test_the_ends_of_the_range_of_draws_are_sites(draw: int) -> None:
    placed = settled_site(Text("nop", draw).place({"m": module(CODE)}).site)
    assert placed.among == len(PARTS)
    assert bytes.fromhex(placed.old) in PARTS


def test_a_placed_fault_says_where_it_goes_and_what_it_changes() -> None:
    placed = settled_site(Text("inverted_branch", 0).place({"m": module(CODE)}).site)
    assert (placed.function, placed.offset, placed.address) == ("f0", 9 + 7, BASE + 16)
    assert (placed.old, placed.new, placed.among) == ("7402", "7502", 2)
    assert placed.before.startswith("je ") and placed.after.startswith("jne ")
    assert Text("inverted_branch", 0).place({"m": module(CODE)}).site == placed, "placing is pure"


@given(st.sampled_from(PARTS), st.integers(0, 2**64 - 1))
def test_bit_flip_changes_exactly_one_bit(code: bytes, seed: int) -> None:
    changed = flipped_anywhere(code, random.Random(seed))
    assert len(changed) == len(code)
    assert (int.from_bytes(code, "big") ^ int.from_bytes(changed, "big")).bit_count() == 1


def test_bit_flip_reaches_every_bit() -> None:
    code = bytes(6)
    assert len({flipped_anywhere(code, random.Random(seed)) for seed in range(2000)}) == 48


@pytest.mark.parametrize("size", range(1, 16))
def test_nop_is_as_long_as_what_it_replaces_and_does_nothing(size: int) -> None:
    changed = no_operation(size)
    found = decoded(changed)
    assert sum(length for length, _, _ in found) == len(changed) == size
    assert {name for _, name, _ in found} == {"nop"}
    assert len(found) == -(-size // len(NOPS)), "as few instructions as there can be"


@pytest.mark.parametrize("condition", range(16))
@pytest.mark.parametrize("near", [False, True])
def test_inverted_branch_has_the_opposite_condition_and_the_same_target(condition: int, near: bool) -> None:
    code = bytes([0x0F, 0x80 | condition]) + b"\x10\1\0\0" if near else bytes([0x70 | condition, 0x10])
    [site] = candidates(module(code), "inverted_branch")
    [(size, name, target)] = decoded(code)
    assert decoded(site.changed(random.Random(0))) == [(size, OPPOSITE[name], target)]


def test_inverted_branch_applies_to_conditional_jumps_alone() -> None:
    others = (
        bytes.fromhex("eb10") + bytes.fromhex("e910000000") + bytes.fromhex("0f94c0") + bytes.fromhex("0f44c1") + BODY
    )
    assert [site.code for site in candidates(module(others), "inverted_branch")] == [PARTS[3], PARTS[5]]


def test_inverting_twice_changes_nothing() -> None:
    for code in (PARTS[3], PARTS[5]):
        assert inverted(inverted(code, random.Random(0)), random.Random(0)) == code


def test_write_goes_behind_what_ftrace_owns_or_where_it_is_told() -> None:
    code = {"m": module(CODE)}
    assert settled_site(Text("write", function="f0", new="0f0b").place(code).site).offset == 9
    told = settled_site(Text("write", function="f0", offset=10, new="0f0b").place(code).site)
    assert (told.offset, told.old, told.after) == (10, "4889", "ud2")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Text("write", function="absent", new="90"), "m has no function 'absent'"),
        (Text("write", function="f0", offset=len(CODE) - 1, new="0f0b"), "nothing can be written"),
        (Text("nop", among="some"), "cannot be drawn among 'some': there are all, executed, whole"),
        (Text("nop", among="executed"), "not known what a golden trial executes of m"),
        (Text("scramble"), "no text operator 'scramble': there are write, bit_flip, word, nop, source"),
    ],
)
def test_what_cannot_be_placed_says_why(fault: Text, reason: str) -> None:
    with pytest.raises(NotPlaced, match=reason):
        fault.place({"m": module(CODE)})


def test_a_module_without_a_fitting_site_is_refused() -> None:
    with pytest.raises(NotPlaced, match="m has no site for inverted_branch"):
        Text("inverted_branch").place({"m": module(b"\xc3")})


def test_bytes_that_are_no_instruction_are_shown_as_such() -> None:
    assert disassembly(b"\x06", BASE) == "(bad)"
    assert disassembly(b"\x90\x06", BASE) == "nop; (bad)"


@pytest.mark.parametrize("size", range(1, 9))
def test_another_word_is_another(size: int) -> None:
    code = bytes(range(size))
    assert all(other_word(code, random.Random(seed)) != code for seed in range(300))
    assert {len(other_word(code, random.Random(seed))) for seed in range(30)} == {size}


def test_a_stretch_of_code_is_watched_at_every_instruction_in_it() -> None:
    assert starts(BODY, BASE) == tuple(BASE + sum(map(len, PARTS[:n])) for n in range(len(PARTS)))
    assert starts(BODY[:6], BASE) == (BASE, BASE + 1, BASE + 4), "also at the one that is cut off"


@pytest.mark.parametrize(
    ("code", "bits"),
    [
        ("4889fb", {"source": "rdi", "destination": "rbx"}),  # mov rbx, rdi
        ("488b4310", {"destination": "rax", "pointer": "[rbx + 0x10]"}),  # mov rax, [rbx + 0x10]
        ("48894310", {"source": "rax", "pointer": "[rbx + 0x10]"}),  # mov [rbx + 0x10], rax
        ("4801c3", {"source": "rax", "destination": "rbx"}),  # add rbx, rax: what it adds to is its destination
        ("4839c3", {"source": "rax, rbx"}),  # cmp rbx, rax
        ("b805000000", {"source": "5", "destination": "eax"}),  # mov eax, 5
        ("488d4310", {"destination": "rax"}),  # lea rax, [rbx + 0x10] follows no pointer
        ("488b442410", {"destination": "rax"}),  # mov rax, [rsp + 0x10]: a local
        ("488b0510000000", {"destination": "rax"}),  # mov rax, [rip + 0x10]: a global
        ("53", {}),  # push rbx
        ("4883ec08", {}),  # sub rsp, 8
        ("e800000000", {}),  # call
        ("7402", {}),  # je
    ],
)
def test_the_roles_of_operands(code: str, bits: dict[str, str]) -> None:
    assert {role for role, found in operand_bits(bytes.fromhex(code)).items() if found} == set(bits)


@pytest.mark.parametrize("code", ["4889fb", "488b4310", "4801c3", "4839c3", "b805000000", "420fb64c2301", "f3a4"])
def test_no_bit_has_two_roles(code: str) -> None:
    found = operand_bits(bytes.fromhex(code))
    every = [bit for bits in found.values() for bit in bits]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("code", INCLUSIVE)
@pytest.mark.parametrize("form", ["jump", "near jump", "set", "move", "set a numbered register"])
def test_a_limit_without_a_constant_gains_or_loses_equality(code: int, form: str) -> None:
    forms = {
        "jump": bytes([0x70 | code, 0x10]),
        "near jump": bytes([0x0F, 0x80 | code]) + b"\x10\1\0\0",
        "set": bytes([0x0F, 0x90 | code, 0xC0]),
        "move": bytes([0x0F, 0x40 | code, 0xC1]),
        "set a numbered register": bytes([0x41, 0x0F, 0x90 | code, 0xC4]),
    }
    conditions = {2: "b", 6: "be", 3: "ae", 7: "a", 12: "l", 14: "le", 13: "ge", 15: "g"}
    changed = other_inclusion(forms[form], random.Random(0))
    [(size, before, operands)], [(_, after, others)] = decoded(forms[form]), decoded(changed)
    stem = before.removesuffix(conditions[code])
    assert (size, operands) == (len(forms[form]), others)
    assert after == stem + conditions[INCLUSIVE[code]]


@given(st.integers(-128, 127), st.integers(0, 2**32))
def test_a_constant_limit_moves_by_one_and_never_around(value: int, seed: int) -> None:
    code = bytes.fromhex("83fb") + value.to_bytes(1, "little", signed=True)  # cmp ebx, value
    changed = moved_limit(code, range(2, 3), random.Random(seed))
    assert abs(int.from_bytes(changed[2:], "little", signed=True) - value) == 1
    assert changed[:2] == code[:2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kmalloc", "; near to it are __kmalloc_noprof, __kmalloc_cache_noprof"),
        ("nbd_octl", "; near to it are nbd_ioctl"),
        ("elephant", ""),
        ("f", ""),
    ],
)
def test_the_names_that_are_near_to_one_that_is_missing(name: str, expected: str) -> None:
    names = ("nbd_ioctl", "__kmalloc_cache_noprof", "__kmalloc_noprof", "kfree", "sock_sendmsg")
    assert nearest(name, names) == expected


# test rdi, rdi; jne to the alarm; xor eax, eax; je +1; nop; ret; call the alarm
GUARDED = [bytes.fromhex(code) for code in ("4885ff", "7506", "31c0", "7401", "90", "c3", "e800000000")]
ALARM_AT = 11


def guarded(callee: str) -> ModuleCode:
    """A function that ends with a call of another one, which its first branch leads to."""
    call = CallSite("f0", ALARM_AT, BASE + ALARM_AT, 5, callee)
    return replace(module(b"".join(GUARDED)), calls=(call,))


@pytest.mark.parametrize("operator", ["inverted_branch", "deleted_branch"])
def test_the_compilers_check_of_the_stack_is_spared(operator: str) -> None:
    draws = [n << 58 for n in range(64)]
    sites = [settled_site(Text(operator, draw).place({"m": guarded("__stack_chk_fail")}).site) for draw in draws]
    assert {site.old for site in sites} == {"7401"} and {(site.among, site.in_all) for site in sites} == {(1, 1)}
    others = Counter(settled_site(Text(operator, draw).place({"m": guarded("panic")}).site).old for draw in draws)
    assert others == {"7506": 32, "7401": 32}, "any other call is the driver's"


def test_a_draw_that_meets_no_check_is_what_it_was_and_others_are_drawn_uniformly() -> None:
    rng = random.Random(0)
    for operator in ("nop", "bit_flip"):
        found = candidates(guarded("__stack_chk_fail"), operator)
        spared = [each.address for each in found if not each.guard]
        assert len(spared) == len(found) - 1
        drawn = Counter[int]()
        for draw in (rng.getrandbits(64) for _ in range(6000)):
            first, settled = found[draw * len(found) >> 64], pick(guarded("__stack_chk_fail"), operator, draw, "all")
            assert first.guard or settled.candidate.address == first.address
            drawn[settled.candidate.address] += 1
        assert set(drawn) == set(spared)
        assert chisquare([drawn[address] for address in spared]).pvalue > 0.001


def test_a_module_with_nothing_but_checks_has_no_site() -> None:
    code = b"".join([*GUARDED[:3], b"\x90" * 3, *GUARDED[5:]])
    alone = replace(guarded("__stack_chk_fail"), functions=module(code).functions)
    with pytest.raises(NotPlaced, match="m has no site for inverted_branch"):
        Text("inverted_branch").place({"m": alone})
