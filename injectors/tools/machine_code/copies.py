"""Copies of memory, with the register that holds their length, and loads through pointers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from injectors.tools.machine_code.calls import calls_of
from injectors.tools.machine_code.candidate import Candidate, candidate
from injectors.tools.machine_code.instructions import Body, Instruction
from injectors.tools.machine_code.operands import NO_POINTERS, left_out

NEEDS = "x86_64"

STRING_COUNT = "rcx"  # it counts the units of a string instruction
LENGTHS = {
    **dict.fromkeys(("memcpy", "__memcpy", "memmove", "__memmove", "memcpy_fromio", "memcpy_toio"), "rdx"),
    **dict.fromkeys(("_copy_from_user", "_copy_to_user", "copy_from_kernel_nofault", "copy_to_kernel_nofault"), "rdx"),
    **dict.fromkeys(("_copy_from_iter", "_copy_to_iter"), "rsi"),
    **dict.fromkeys(("skb_copy_bits", "skb_store_bits"), "rcx"),
}
"""Functions that copy memory (Linux 6.12) -> the register of the argument that says how many bytes."""


def copy(body: Body) -> Iterator[Candidate]:
    """A copy: rep movs, or a call of a function that copies."""
    calls = {each.address for each in calls_of(body, LENGTHS)}
    for each in body.instructions:
        if each.address in calls or is_string_copy(each):
            yield candidate(body, each, partial(left_out, each.code))


def pointer_read(body: Body) -> Iterator[Candidate]:
    """A read through a pointer."""
    for each in body.instructions:
        of = each.memory
        if of is not None and of.read and of.base not in NO_POINTERS and not of.segment.startswith("gs"):
            yield candidate(body, each, partial(left_out, each.code))


def is_string_copy(instruction: Instruction) -> bool:
    """True for an instruction that copies rcx units."""
    return instruction.mnemonic.startswith("rep movs")


def string_unit_bytes(instruction: Instruction) -> int:
    """The bytes that a string instruction copies at a time."""
    return instruction.operands[0].size
