"""Types of code fault in decisions: deleted_branch, inverted_branch, loop, off_by_one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from injectors.tools.machine_code.candidate import Candidate, candidate
from injectors.tools.machine_code.instructions import Body, Instruction
from injectors.tools.machine_code.operands import left_out

NEEDS = "x86_64"

INCLUSIVE = {2: 6, 6: 2, 3: 7, 7: 3, 12: 14, 14: 12, 13: 15, 15: 13}
"""Condition codes with and without equality (Intel SDM vol. 1, B.1): b-be, ae-a, l-le, ge-g."""
COMPARISONS = ("cmp", "sub", "test")


def deleted_branch(body: Body) -> Iterator[Candidate]:
    """A conditional jump is left out: what follows it is always executed."""
    for each in conditional_jumps(body):
        yield candidate(body, each, partial(left_out, each.code))


def inverted_branch(body: Body) -> Iterator[Candidate]:
    """A conditional jump is made on the opposite condition."""
    for each in conditional_jumps(body):
        yield candidate(body, each, partial(inverted, each.code))


def loop(body: Body) -> Iterator[Candidate]:
    """The condition of a jump back to earlier code of its function is inverted: a loop ends at once, or goes on."""
    for each in conditional_jumps(body):
        if each.target is not None and body.function.address <= each.target <= each.address:
            yield candidate(body, each, partial(inverted, each.code))


def off_by_one(body: Body) -> Iterator[Candidate]:
    """A comparison's limit moves by one: its constant, if it has one, otherwise < becomes <= and the like."""
    seen = set[int]()
    for position, each in enumerate(body.instructions):
        comparison = comparison_before(body, position) if condition(each) in INCLUSIVE else None
        if comparison is None or comparison.address in seen:
            continue
        if comparison.mnemonic == "cmp" and comparison.immediate:
            seen.add(comparison.address)
            yield candidate(body, comparison, partial(moved_limit, comparison.code, comparison.immediate))
        else:
            yield candidate(body, each, partial(other_inclusion, each.code))


def conditional_jumps(body: Body) -> Iterator[Instruction]:
    """All conditional jumps of a function, in order."""
    return (each for each in body.instructions if each.is_conditional_jump)


def condition(instruction: Instruction) -> int | None:
    """The condition code of a jcc, setcc or cmovcc without prefixes; None for everything else."""
    code = instruction.code[1:] if instruction.code[0] & 0xF0 == 0x40 else instruction.code  # a REX prefix
    if instruction.is_conditional_jump and code[0] != 0x0F:
        return code[0] & 0xF
    return code[1] & 0xF if code[0] == 0x0F and code[1] & 0xF0 in (0x40, 0x80, 0x90) else None


def comparison_before(body: Body, position: int) -> Instruction | None:
    """The comparison whose flags an instruction looks at, if it certainly comes before it."""
    setter = next((each for each in body.before(position) if "rflags" in each.writes), None)
    return setter if setter is not None and setter.mnemonic in COMPARISONS else None


def inverted(code: bytes, rng: random.Random) -> bytes:
    """The instruction on the opposite condition: the lowest bit of the condition code flipped."""
    del rng
    at = 1 if code[0] == 0x0F else 0
    return code[:at] + bytes([code[at] ^ 1]) + code[at + 1 :]


def other_inclusion(code: bytes, rng: random.Random) -> bytes:
    """The condition with equality in place of the one without it, or the reverse."""
    del rng
    at = code.index(0x0F) + 1 if 0x0F in code[:2] else 0
    return code[:at] + bytes([code[at] & 0xF0 | INCLUSIVE[code[at] & 0xF]]) + code[at + 1 :]


def moved_limit(code: bytes, field: range, rng: random.Random) -> bytes:
    """The constant plus or minus one, with equal probability, but never beyond its range."""
    half = 1 << 8 * len(field) - 1
    value = int.from_bytes(code[field.start : field.stop], "little", signed=True)
    limit = rng.choice([other for other in (value - 1, value + 1) if -half <= other < half])
    return code[: field.start] + limit.to_bytes(len(field), "little", signed=True) + code[field.stop :]
