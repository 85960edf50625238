"""Types of code fault in variables: initialisation of locals, interface (arguments) to callees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from faultkit.kit import processor
from injectors.tools.machine_code.candidate import Candidate, candidate
from injectors.tools.machine_code.instructions import Body, Instruction, Operand
from injectors.tools.machine_code.operands import left_out

NEEDS = "x86_64"

LOADS = ("mov", "movabs", "movzx", "movsx", "movsxd", "lea")
CANARY = ("gs", 0x28)  # where the stack protector's value is: its place in the frame is no local


def initialisation(body: Body) -> Iterator[Candidate]:
    """The first write of a local is left out: of a register that was just saved, or of a place in the frame."""
    saved, slots = set[str](), list[Operand]()
    for position, each in enumerate(body.instructions):
        if each.mnemonic == "push":
            saved |= each.reads & processor.KEPT_BY_CALLS
        elif initialises_register(each, saved) or initialises_slot(body, position, slots):
            yield candidate(body, each, partial(left_out, each.code))
        saved -= each.writes
        slots += [o for o in each.operands if o.kind == "memory" and o.base == "rsp"]


def initialises_register(instruction: Instruction, saved: set[str]) -> bool:
    """True for the first write of a saved register, if the value does not depend on the old one."""
    return loaded(instruction) in saved


def loaded(instruction: Instruction) -> str | None:
    """The register that an instruction sets, independently of its old value."""
    if not instruction.operands or instruction.operands[0].kind != "register":
        return None
    register = instruction.operands[0].register
    zeroed = instruction.mnemonic == "xor" and instruction.operands[1].register == register
    return register if instruction.mnemonic in LOADS or zeroed else None


def initialises_slot(body: Body, position: int, slots: list[Operand]) -> bool:
    """True for a function's first access, in the order of addresses, to a place in its frame."""
    instruction = body.instructions[position]
    if instruction.mnemonic.startswith("rep stos"):
        return any(frame_address(each) for each in body.before(position))
    slot = instruction.operands[0] if instruction.operands else None
    if slot is None or slot.kind != "memory" or slot.base != "rsp" or slot.index or slot.read or not slot.written:
        return False
    return not any(overlap(slot, other) for other in slots) and not stores_canary(body, position)


def frame_address(instruction: Instruction) -> bool:
    """True for an instruction that points rdi into the frame."""
    if loaded(instruction) != "rdi":
        return False
    of = instruction.operands[1]
    return "rsp" in (of.base, of.register)


def overlap(one: Operand, other: Operand) -> bool:
    """True if two places in a frame have a byte in common."""
    low = max(one.displacement, other.displacement)
    return low < min(one.displacement + one.size, other.displacement + other.size)


def stores_canary(body: Body, position: int) -> bool:
    """True if the stored value was read from the stack protector's place."""
    reads = body.instructions[position].reads - {"rsp"}
    setter = next((i for i in reversed(body.instructions[:position]) if reads & i.writes), None)
    of = setter.memory if setter is not None else None
    return of is not None and (of.segment, of.displacement) == CANARY


def interface(body: Body) -> Iterator[Candidate]:
    """The load of an argument is left out: the last write of an argument's register that surely precedes a call."""
    for position, each in enumerate(body.instructions):
        if each.flow == "call" or (each.flow == "jump" and each.address in body.callees):
            for load in reversed(argument_loads(body, position).values()):
                yield candidate(body, load, partial(left_out, load.code))


def argument_loads(body: Body, position: int) -> dict[str, Instruction]:
    """For a call, the instruction that loads each argument's register, the last of them first."""
    found, written = dict[str, Instruction](), set[str]()
    for each in body.before(position):
        register = loaded(each)
        if register in processor.CALL_ARGUMENTS and register not in written:
            found[register] = each
        written |= each.writes
    return found
