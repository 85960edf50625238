"""Types of code fault on machine code that a compiler made: each site is what its type says, and listed once."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from capstone import CS_ARCH_X86, CS_MODE_64, Cs
from hypothesis import given, settings
from hypothesis import strategies as st

from faultkit.machine.callsites import call_sites
from faultkit.machine.coverage import by_function
from faultkit.model.code import Function, ModuleCode
from faultkit.model.errors import NotPlaced
from injectors.kdriver.kernel_memory import KernelMemory, damaged, pointed_to
from injectors.kdriver.overrun import Overrun, overrun_words
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from injectors.tools.candidates import POINTS, TYPES, candidates
from injectors.tools.machine_code.instructions import decoded
from injectors.tools.settled import settled_site

SOURCE = Path(__file__).with_name("code_faults.c")
BASE = 0xFFFFFFFFC0000000
CALLEES = ("mutex_lock", "mutex_trylock", "mutex_unlock", "_raw_spin_unlock_irqrestore", "kfree", "__kmalloc_noprof",
           "memcpy", "use")  # fmt: skip
draws = st.integers(0, 2**64 - 1)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> ModuleCode:
    """The functions of code_faults.c as gcc makes them with the kernel's optimisation."""
    return compiled(tmp_path_factory.mktemp("code"))


def compiled(place: Path) -> ModuleCode:
    """Compile, and cut the text into functions; those of CALLEES lie outside of the module."""
    options = ("-O2", "-c", "-mno-red-zone", "-fcf-protection=none", "-fno-stack-protector", "-mgeneral-regs-only",
               "-fno-pic", "-fno-asynchronous-unwind-tables", "-fno-builtin")  # fmt: skip
    made, text = place / "code.o", place / "text"
    subprocess.run(["gcc", *options, "-o", made, SOURCE], check=True)
    linked = place / "linked"
    subprocess.run(["ld", "-Ttext=0x1000", "-e", "0x1000", "-o", linked, made], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", linked, text], check=True)
    listed = subprocess.run(["nm", "-S", linked], check=True, capture_output=True, text=True).stdout
    data = text.read_bytes()
    found = {}
    for line in listed.splitlines():
        match line.split():
            case [address, size, "T" | "t", name]:
                start = int(address, 16) - 0x1000
                found[name] = Function(name, BASE + start, data[start : start + int(size, 16)])
    functions = tuple(sorted((f for n, f in found.items() if n not in CALLEES), key=lambda f: f.address))
    names = {found[name].address: name for name in CALLEES}
    return ModuleCode("m", functions, tuple(call_sites(functions, names)))


def lines(code: bytes, address: int = BASE) -> list[str]:
    """Instructions as text."""
    found = Cs(CS_ARCH_X86, CS_MODE_64).disasm_lite(code, address)
    return [f"{mnemonic} {operands}".strip() for _, _, mnemonic, operands in found]


def changes(code: ModuleCode, kind: str, function: str, seed: int = 0) -> list[tuple[str, str]]:
    """The instructions of each site of a type in a function, before and after."""
    found = [site for site in candidates(code, kind) if site.function == function]
    return [
        ("; ".join(lines(site.code, site.address)), "; ".join(lines(site.changed(random.Random(seed)), site.address)))
        for site in found
    ]


@pytest.mark.parametrize("kind", [*TYPES, *POINTS])
def test_there_are_sites_and_each_is_listed_once_in_order(code: ModuleCode, kind: str) -> None:
    addresses = [site.address for site in candidates(code, kind)]
    assert addresses
    assert addresses == sorted(set(addresses))


@pytest.mark.parametrize("kind", TYPES)
def test_a_change_is_as_long_as_what_it_changes_and_is_one(code: ModuleCode, kind: str) -> None:
    memory = {f.address + n: byte for f in code.functions for n, byte in enumerate(f.code)}
    for site in candidates(code, kind):
        assert bytes(memory[site.address + n] for n in range(len(site.code))) == site.code
        for seed in range(5):
            changed = site.changed(random.Random(seed))
            assert len(changed) == len(site.code)
            assert changed != site.code


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ("bit_flip", "word")])
def test_all_but_random_damage_leaves_whole_instructions(code: ModuleCode, kind: str) -> None:
    for site in candidates(code, kind):
        changed = site.changed(random.Random(3))
        assert sum(len(i.code) for i in decoded(changed, site.address)) == len(changed)


@pytest.mark.parametrize("kind", ["source", "destination", "pointer"])
@settings(max_examples=200, deadline=None)
@given(draw=draws)
def test_a_flipped_operand_is_the_only_difference_and_has_the_role(code: ModuleCode, kind: str, draw: int) -> None:
    placed = settled_site(Text(kind, draw).place({"m": code}).site)
    [before] = decoded(bytes.fromhex(placed.old), placed.address)
    [after] = decoded(bytes.fromhex(placed.new), placed.address)
    assert before.mnemonic == after.mnemonic
    different = [(a, b) for a, b in zip(before.operands, after.operands, strict=True) if a.text != b.text]
    [(a, b)] = different
    assert a.kind == b.kind and a.size == b.size
    assert (int(placed.old, 16) ^ int(placed.new, 16)).bit_count() == 1
    role = "pointer" if a.kind == "memory" else "destination" if a.written else "source"
    assert role == kind


def test_branches_and_loops(code: ModuleCode) -> None:
    assert all((before[0] == "j" and after == "nop") or after.startswith("nop ") for before, after in
               changes(code, "deleted_branch", "sum"))  # fmt: skip
    inverted, loops = changes(code, "inverted_branch", "sum"), changes(code, "loop", "sum")
    assert len(inverted) > len(loops) >= 1
    assert set(loops) < set(inverted)
    assert not changes(code, "loop", "absolute"), "a jump ahead is no loop"
    assert changes(code, "inverted_branch", "classify")


def test_a_limit_moves_by_one(code: ModuleCode) -> None:
    moved = {after for seed in range(20) for _, after in changes(code, "off_by_one", "classify", seed)}
    assert {"cmp edi, 0x63", "cmp edi, 0x65"} & moved or {"cmp edi, 0x62", "cmp edi, 0x64"} & moved
    assert len(moved) == 2, "one more, one less"
    [(before, after)] = changes(code, "off_by_one", "ordered")
    assert {before.split()[0], after.split()[0]} <= {"jl", "jle", "jg", "jge", "setl", "setle", "setg", "setge"}
    assert not changes(code, "off_by_one", "equal"), "equality has no limit"


def test_locals_are_not_initialised(code: ModuleCode) -> None:
    kept = [before for before, _ in changes(code, "initialisation", "locked")]
    assert kept and all(line.startswith(("mov rb", "mov r1", "mov e", "xor ", "lea ")) for line in kept)
    framed = [before for before, _ in changes(code, "initialisation", "framed")]
    assert [line for line in framed if "ptr [rsp" in line], framed
    assert len({line.partition(",")[0] for line in framed}) == len(framed), "each place once"


def test_arguments_are_not_loaded(code: ModuleCode) -> None:
    [call] = [each for each in candidates(code, "interface") if each.function == "three" and b"\x03" in each.code]
    loads = [before for before, _ in changes(code, "interface", "three")]
    assert sorted(line.replace(",", "").split()[1] for line in loads) == ["edi", "edx", "esi"]
    assert call.code in (bytes.fromhex("ba03000000"),)


def test_a_lock_left_out_returns_what_taking_it_returns(code: ModuleCode) -> None:
    assert [after for _, after in changes(code, "lock", "locked")] == ["mov eax, 0"]
    assert [after for _, after in changes(code, "lock", "tried")] == ["mov eax, 1"]
    assert [after.split()[0] for _, after in changes(code, "unlock", "locked")] == ["nop"]


def test_a_call_that_ends_its_function_is_replaced_by_a_return(code: ModuleCode) -> None:
    [(before, after)] = changes(code, "free", "dropped")
    assert before.startswith("jmp") and after.startswith("ret; nop")
    [(before, after)] = changes(code, "allocation", "wanted")
    assert before.startswith("jmp") and after == "push 0; pop rax; ret; nop"
    [(before, after)] = changes(code, "allocation", "checked")
    assert before.startswith("call") and after == "mov eax, 0"


def test_interrupts_stay_off_but_the_lock_is_given_back(code: ModuleCode) -> None:
    [(before, after)] = changes(code, "irq", "restored")
    assert before.split(",")[0] in ("mov rsi", "mov esi") and after.startswith("xor esi, esi")
    assert [before for before, _ in changes(code, "irq", "enabled")] == ["sti"]


def test_copies_are_found_with_the_register_of_their_length(code: ModuleCode) -> None:
    every = {Overrun(n * 2**64 // 64, words=3).place({"m": code}) for n in range(64)}
    by = {settled_site(overrun.site).function: (overrun.register, overrun.unit_bytes) for overrun in every}
    assert by == {"copied": ("rdx", 1), "moved": ("rcx", 8)}


def test_overruns_are_distributed_as_declared() -> None:
    drawn = [overrun_words(random.Random(seed)) for seed in range(4000)]
    ranges = (range(1, 2), range(2, 1025), range(1025, 2049))
    shares = [sum(words in each for words in drawn) / len(drawn) for each in ranges]
    assert shares == pytest.approx([0.5, 0.44, 0.06], abs=0.03)
    assert max(drawn) <= 4 * 512


@settings(deadline=None)  # the first decodes all of it
@given(draws)
def test_a_fault_in_memory_waits_at_a_load_or_anywhere(code: ModuleCode, draw: int) -> None:
    heap = settled_site(KernelMemory("heap", draw=draw).place({"m": code}).site)
    assert "ptr [" in heap.before and "rsp" not in heap.before
    stack = settled_site(KernelMemory("stack", "word", draw).place({"m": code}).site)
    assert stack.among == len(candidates(code, "nop")) > heap.among


@pytest.mark.parametrize(
    ("fault", "word"), [(KernelMemory("cellar"), "cellar"), (KernelMemory("heap", "nibble"), "nibble")]
)
def test_memory_that_there_is_not_is_refused(code: ModuleCode, fault: KernelMemory, word: str) -> None:
    with pytest.raises(NotPlaced, match=f"no kernel memory '{word}'"):
        fault.place({"m": code})


def test_an_operand_in_memory_is_where_its_registers_say() -> None:
    [load] = decoded(bytes.fromhex("488b44cbf8"), BASE)  # mov rax, [rbx + rcx * 8 - 8]
    assert load.memory is not None
    found = pointed_to(load.memory, {"rbx": 0xFFFF888000001000, "rcx": 3})
    assert found == range(0xFFFF888000001010, 0xFFFF888000001018)


@given(st.binary(min_size=1, max_size=8).filter(lambda b: len(b) in (1, 8)), draws)
def test_damage_is_a_bit_or_another_word(old: bytes, seed: int) -> None:
    new = damaged(old, random.Random(seed))
    assert new != old and len(new) == len(old)
    assert len(old) == 8 or (old[0] ^ new[0]).bit_count() == 1


def test_what_golden_trials_execute_can_be_all_that_is_drawn_from(code: ModuleCode) -> None:
    [function] = [f for f in code.functions if f.name == "locked"]
    known = replace(code, executed=frozenset(range(function.address, function.address + len(function.code))))
    for kind in ("nop", "lock"):
        placed = [settled_site(Text(kind, draw, among="executed").place({"m": known}).site) for draw in spread(50)]
        assert {site.function for site in placed} == {"locked"}
        assert placed[0].among == len([s for s in candidates(code, kind) if s.function == "locked"])
        assert placed[0].in_all == len(candidates(code, kind))
    with pytest.raises(NotPlaced, match="no site for irq that a golden trial executes, of 2 in all"):
        Text("irq", among="executed").place({"m": known})
    every, ran = by_function(known)["locked"]
    assert every == ran > 5
    assert by_function(known)["sum"][1] == 0


def test_what_runs_once_is_left_out_unless_it_is_asked_for(code: ModuleCode) -> None:
    functions = [replace(f, section=".exit.text" if f.name == "locked" else ".text") for f in code.functions]
    module = replace(code, functions=tuple(functions))
    assert len(candidates(module, "lock")) == len(candidates(code, "lock")) - 1
    assert len(candidates(module, "lock", "whole")) == len(candidates(code, "lock"))


@pytest.mark.parametrize("fault", [Skip, Overrun])
def test_a_place_is_drawn_uniformly_and_counted(code: ModuleCode, fault: type[Skip] | type[Overrun]) -> None:
    placed = [settled_site(fault(draw=draw).place({"m": code}).site) for draw in spread(400)]
    assert len({p.address for p in placed}) == placed[0].among == placed[0].in_all


def spread(count: int) -> Iterator[int]:
    """Draws from one end of their range to the other."""
    return (n * 2**64 // count for n in range(count))
