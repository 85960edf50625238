"""Where the k-driver's machine code can be changed, and how: decoded from the code as it is loaded."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from faultkit.errors import NotPlaced
from faultkit.protocols import Function, ModuleCode

try:
    from capstone import CS_ARCH_X86, CS_MODE_64, Cs
except ImportError:  # in the guest, which carries plans out and draws no sites
    Cs = None

ENDBR = bytes.fromhex("f30f1efa")
FTRACE_SITES = (b"\xe8", bytes.fromhex("0f1f440000"))  # a call of ftrace, or the no-op in its place
NO_FUNCTIONS = ("__pfx_", "__SCT__")  # symbols of the padding before a function, and of static-call trampolines
PADDING = frozenset({"nop", "int3"})
NOPS = tuple(
    bytes.fromhex(code)
    for code in (
        "90",
        "6690",
        "0f1f00",
        "0f1f4000",
        "0f1f440000",
        "660f1f440000",
        "0f1f8000000000",
        "0f1f840000000000",
    )
)  # fmt: skip  recommended multi-byte no-ops, Intel SDM vol. 2, NOP


@dataclass(frozen=True, slots=True)
class Site:
    """One instruction of a k-driver's function."""

    function: str
    offset: int
    address: int
    code: bytes


def instructions(function: Function) -> Iterator[Site]:
    """The instructions of a function, without what ftrace owns at its start and without padding."""
    start = prologue_bytes(function.code)
    decoder = Cs(CS_ARCH_X86, CS_MODE_64)
    for address, size, mnemonic, _ in decoder.disasm_lite(function.code[start:], function.address + start):
        if mnemonic not in PADDING:
            offset = address - function.address
            yield Site(function.name, offset, address, function.code[offset : offset + size])


def prologue_bytes(code: bytes) -> int:
    """How many bytes at a function's start belong to endbr64 and ftrace."""
    start = len(ENDBR) if code.startswith(ENDBR) else 0
    return start + 5 if code[start:].startswith(FTRACE_SITES) else start


def bit_flip(code: bytes, rng: random.Random) -> bytes:
    """One bit of the instruction flipped."""
    bit = rng.randrange(8 * len(code))
    return bytes(byte ^ (1 << bit % 8 if n == bit // 8 else 0) for n, byte in enumerate(code))


def nop(code: bytes, rng: random.Random) -> bytes:
    """The instruction left out."""
    del rng
    longest = [NOPS[-1]] * (len(code) // 8)
    return b"".join(longest) + (NOPS[len(code) % 8 - 1] if len(code) % 8 else b"")


def inverted_branch(code: bytes, rng: random.Random) -> bytes:
    """A conditional jump on the opposite condition: the lowest bit of the condition code."""
    del rng
    if code[0] == 0x0F:
        return bytes([code[0], code[1] ^ 1]) + code[2:]
    return bytes([code[0] ^ 1]) + code[1:]


def is_conditional_jump(code: bytes) -> bool:
    """Jcc with an 8-bit or a 32-bit displacement."""
    return code[0] & 0xF0 == 0x70 or (code[0] == 0x0F and code[1] & 0xF0 == 0x80)


def anything(code: bytes) -> bool:
    """Every instruction."""
    return bool(code)


Operator = tuple[Callable[[bytes], bool], Callable[[bytes, random.Random], bytes]]
OPERATORS: Mapping[str, Operator] = {
    "bit_flip": (anything, bit_flip),
    "nop": (anything, nop),
    "inverted_branch": (is_conditional_jump, inverted_branch),
}


@lru_cache(maxsize=16)
def sites(code: ModuleCode, operator: str) -> tuple[Site, ...]:
    """Every place of a module that an operator applies to, in order. Raises: NotPlaced for an unknown operator."""
    if operator not in OPERATORS:
        raise NotPlaced(f"there is no text operator {operator!r}: there are {', '.join(OPERATORS)}")
    applies, _ = OPERATORS[operator]
    functions = (function for function in code.functions if not function.name.startswith(NO_FUNCTIONS))
    return tuple(site for function in functions for site in instructions(function) if applies(site.code))


def disassembly(code: bytes, address: int) -> str:
    """The instructions in some bytes, as text; "(bad)" from where they are none."""
    words, at = [], 0
    for _, size, mnemonic, operands in Cs(CS_ARCH_X86, CS_MODE_64).disasm_lite(code, address):
        words.append(f"{mnemonic} {operands}".strip())
        at += size
    return "; ".join(words if at == len(code) else [*words, "(bad)"])
