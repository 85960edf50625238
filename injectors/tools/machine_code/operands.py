"""Types of code fault in single instructions and their operands: bit_flip, word, nop, source, destination, pointer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Literal

from faultkit.kit import processor
from injectors.tools.machine_code.candidate import Candidate, candidate
from injectors.tools.machine_code.instructions import (
    WHOLE,
    Body,
    Instruction,
    Operand,
    decoded,
    listing,
    no_operation,
    operand_texts,
)

NEEDS = "x86_64"

Role = Literal["source", "destination", "pointer"]
FRAME = ("push", "pop")  # the compiler's own: no assignment of the driver's
NO_POINTERS = frozenset({"", "rsp", "rip"})  # the stack, global variables, per-CPU variables: no pointer is followed


def bit_flip(body: Body) -> Iterator[Candidate]:
    """One bit of an instruction flips."""
    for each in body.instructions:
        yield candidate(body, each, partial(flipped_anywhere, each.code))


def word(body: Body) -> Iterator[Candidate]:
    """The eight bytes from the beginning of an instruction become random ones."""
    for each in body.instructions:
        offset = each.address - body.function.address
        if len(code := body.function.code[offset : offset + processor.WORD_BYTES]) == processor.WORD_BYTES:
            yield Candidate(body.function.name, offset, each.address, code, partial(other_word, code))


def nop(body: Body) -> Iterator[Candidate]:
    """An instruction is left out."""
    for each in body.instructions:
        yield candidate(body, each, partial(left_out, each.code))


def source(body: Body) -> Iterator[Candidate]:
    """One bit flips in a register or constant that an instruction only reads."""
    yield from with_role(body, "source")


def destination(body: Body) -> Iterator[Candidate]:
    """One bit flips in the register that an instruction writes."""
    yield from with_role(body, "destination")


def pointer(body: Body) -> Iterator[Candidate]:
    """One bit flips in a register or the displacement by which an instruction finds its operand in memory."""
    yield from with_role(body, "pointer")


def with_role(body: Body, role: Role) -> Iterator[Candidate]:
    """The instructions with bits that belong to operands of this role."""
    for each in body.instructions:
        if bits := operand_bits(each.code)[role]:
            yield candidate(body, each, partial(flipped_among, each.code, bits))


def flipped_anywhere(code: bytes, rng: random.Random) -> bytes:
    """The code with one bit flipped, drawn uniformly."""
    return flipped(code, rng.randrange(8 * len(code)))


def flipped_among(code: bytes, bits: tuple[int, ...], rng: random.Random) -> bytes:
    """The code with one of these bits flipped, drawn uniformly."""
    return flipped(code, rng.choice(bits))


def other_word(code: bytes, rng: random.Random) -> bytes:
    """Random bytes, of which at least one differs."""
    change = rng.randrange(1, 1 << 8 * len(code))
    return (int.from_bytes(code, "little") ^ change).to_bytes(len(code), "little")


def left_out(code: bytes, rng: random.Random) -> bytes:
    """No-ops in place of the instruction."""
    del rng
    return no_operation(len(code))


def flipped(code: bytes, bit: int) -> bytes:
    """The code with this bit flipped."""
    return (int.from_bytes(code, "little") ^ 1 << bit).to_bytes(len(code), "little")


@lru_cache(maxsize=1 << 14)
def operand_bits(code: bytes) -> dict[Role, tuple[int, ...]]:
    """The bits of an instruction whose flip changes one operand and nothing else, by that operand's role.

    Nothing else: it stays one instruction of the same name and length, with all other operands, and all widths, as they
    were. Jumps and calls have no such operands: where they lead is not data. Nor has what builds up and takes down a
    frame (push, pop, writes of rsp): that is no assignment of the driver's.
    """
    found: dict[Role, list[int]] = {"source": [], "destination": [], "pointer": []}
    instruction = next(decoded(code, 0), None)
    if instruction is not None and not instruction.flow and not of_frame(instruction):
        for bit in range(8 * len(code)):
            operand = changed_operand(instruction, bit)
            if operand is not None and (role := role_of(operand, instruction)):
                found[role].append(bit)
    return {role: tuple(bits) for role, bits in found.items()}


def of_frame(instruction: Instruction) -> bool:
    """True for an instruction that only builds up or takes down a frame."""
    return instruction.mnemonic in FRAME or "rsp" in instruction.writes


def role_of(operand: Operand, instruction: Instruction) -> Role | None:
    """The role of an operand in its instruction. One that is read and written (add) is a destination."""
    if operand.kind == "memory":
        followed = operand is instruction.memory and not {operand.base, operand.index} <= NO_POINTERS
        return "pointer" if followed and operand.base != "rsp" else None
    return "destination" if operand.written else "source"


def changed_operand(instruction: Instruction, bit: int) -> Operand | None:
    """The one operand that flipping a bit changes; None if it changes none, more, or anything else."""
    if bit // 8 in instruction.immediate:
        return next((o for o in instruction.operands if o.kind == "immediate"), None)
    if bit // 8 in instruction.displacement:
        return next((o for o in instruction.operands if o.kind == "memory"), None)
    texts = same_but_operands(instruction, flipped(instruction.code, bit))
    differ = [(o, new) for o, new in zip(instruction.operands, texts, strict=False) if o.text != new]
    return differ[0][0] if len(differ) == 1 and exchangeable(differ[0][0], differ[0][1]) else None


def same_but_operands(instruction: Instruction, code: bytes) -> list[str]:
    """The operands of other code, if it is one instruction of the same name, length and number of operands."""
    found = listing(code)
    if len(found) != 1 or found[0][:2] != (len(code), instruction.mnemonic):
        return []
    texts = operand_texts(found[0][2])
    return texts if len(texts) == len(instruction.operands) else []


def exchangeable(operand: Operand, text: str) -> bool:
    """True if `text` is another operand of the same kind and width."""
    if operand.kind == "memory":
        return operand.text.partition("[")[0] == text.partition("[")[0]
    other = WHOLE.get(text)
    return operand.kind == "register" and other is not None and other != operand.register
