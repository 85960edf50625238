"""Instructions: their reads and writes, the encoding of their operands, and their order of execution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

from capstone import CS_AC_READ, CS_AC_WRITE, CS_ARCH_X86, CS_GRP_CALL, CS_GRP_JUMP, CS_GRP_RET, CS_MODE_64, Cs
from capstone.x86 import X86_OP_IMM, X86_OP_MEM, X86_OP_REG

from faultkit.kit import CallSite, Function

NEEDS = "x86_64"

ENDBR = bytes.fromhex("f30f1efa")
FTRACE_SITES = (b"\xe8", bytes.fromhex("0f1f440000"))  # a call of ftrace, or the no-op in its place
ALARM = "__stack_chk_fail"  # gcc's -fstack-protector calls it when a function's frame was overwritten
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
WHOLE = {
    part: whole
    for whole, parts in {
        **{f"r{x}x": (f"{x}l", f"{x}h", f"{x}x", f"e{x}x") for x in "abcd"},
        **{f"r{x}": (f"{x}l", x, f"e{x}") for x in ("si", "di", "bp", "sp")},
        **{f"r{n}": (f"r{n}b", f"r{n}w", f"r{n}d") for n in range(8, 16)},
    }.items()
    for part in (*parts, whole)
}  # eax -> rax


@dataclass(frozen=True, slots=True)
class Operand:
    """An explicit operand. Registers are named whole: "rax" for al, ax and eax, too."""

    kind: Literal["register", "memory", "immediate", "other"]
    text: str  # as it is written
    read: bool
    written: bool
    size: int  # in bytes
    register: str = ""
    base: str = ""  # the rest is of a memory operand
    index: str = ""
    scale: int = 1
    displacement: int = 0
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `reads` and `writes` hold whole registers and "rflags", implicit ones, too."""

    address: int
    code: bytes
    mnemonic: str
    operands: tuple[Operand, ...]
    reads: frozenset[str]
    writes: frozenset[str]
    flow: Literal["", "jump", "call", "return"]
    target: int | None  # of a direct jump or call
    immediate: range  # where it is encoded, as offsets in `code`; empty if there is none
    displacement: range

    @property
    def end(self) -> int:
        """The address behind the instruction."""
        return self.address + len(self.code)

    @property
    def is_conditional_jump(self) -> bool:
        """Jcc with an 8-bit or a 32-bit displacement."""
        return self.code[0] & 0xF0 == 0x70 or (self.code[0] == 0x0F and self.code[1] & 0xF0 == 0x80)

    @property
    def memory(self) -> Operand | None:
        """The operand in memory that it reads or writes; lea has none."""
        found = (o for o in self.operands if o.kind == "memory" and self.mnemonic not in ("lea", "nop"))
        return next(found, None)


@dataclass(frozen=True)
class Body:
    """A function's instructions, without what ftrace owns at its start and without padding; and the calls in it."""

    function: Function
    instructions: tuple[Instruction, ...]
    callees: Mapping[int, str]  # address of a call or jump that leaves the module -> function

    @cached_property
    def entered(self) -> frozenset[int]:
        """Addresses that are jumped to from within the function."""
        return frozenset(i.target for i in self.instructions if i.flow == "jump" and i.target is not None)

    @cached_property
    def guards(self) -> frozenset[int]:
        """Addresses of the conditional jumps by which the compiler checks the stack: they lead to its alarm."""
        alarms = {address for address, callee in self.callees.items() if callee == ALARM}
        jumps = (i for i in self.instructions if i.is_conditional_jump)
        return frozenset(i.address for i in jumps if i.target in alarms or i.end in alarms)

    def before(self, position: int) -> Iterator[Instruction]:
        """The instructions that are certainly executed just before this one, backwards."""
        while position and self.instructions[position].address not in self.entered:
            position -= 1
            if self.instructions[position].flow:
                return
            yield self.instructions[position]


def body(function: Function, calls: Iterable[CallSite] = ()) -> Body:
    """The decoded body of a function."""
    start = prologue_bytes(function.code)
    found = tuple(i for i in decoded(function.code[start:], function.address + start) if i.mnemonic not in PADDING)
    return Body(function, found, {call.address: call.callee for call in calls})


def prologue_bytes(code: bytes) -> int:
    """The bytes at a function's start that belong to endbr64 and ftrace."""
    start = len(ENDBR) if code.startswith(ENDBR) else 0
    return start + 5 if code[start:].startswith(FTRACE_SITES) else start


def decoded(code: bytes, address: int) -> Iterator[Instruction]:
    """The instructions in some bytes, up to the first that is none."""
    return map(instruction, detailed().disasm(code, address))


@lru_cache(maxsize=1)
def detailed() -> Any:
    """The decoder that knows operands."""
    decoder = Cs(CS_ARCH_X86, CS_MODE_64)
    decoder.detail = True
    return decoder


def instruction(found: Any) -> Instruction:
    """An instruction as capstone decodes it, in our types."""
    reads, writes = ({whole(found.reg_name(r)) for r in registers} for registers in found.regs_access())
    direct = found.operands[0].imm if found.operands and found.operands[0].type == X86_OP_IMM else None
    flow = flow_of(found)
    encoding = found.encoding
    return Instruction(
        address=found.address,
        code=bytes(found.bytes),
        mnemonic=found.mnemonic,
        operands=tuple(map(operand, [found] * len(found.operands), found.operands, written(found))),
        reads=frozenset(reads),
        writes=frozenset(writes),
        flow=flow,
        target=direct & (2**64 - 1) if flow and direct is not None else None,
        immediate=range(encoding.imm_offset, encoding.imm_offset + encoding.imm_size if encoding.imm_offset else 0),
        displacement=range(
            encoding.disp_offset, encoding.disp_offset + encoding.disp_size if encoding.disp_offset else 0
        ),
    )


def flow_of(found: Any) -> Literal["", "jump", "call", "return"]:
    """The effect of an instruction on the order of execution."""
    if found.group(CS_GRP_JUMP):
        return "jump"
    if found.group(CS_GRP_CALL):
        return "call"
    return "return" if found.group(CS_GRP_RET) else ""


def written(found: Any) -> list[str]:
    """The operands as they are written; as many as capstone counts, "" where it writes fewer."""
    texts = operand_texts(found.op_str)
    return [*texts, *[""] * (len(found.operands) - len(texts))]


def operand_texts(text: str) -> list[str]:
    """ "rax, [rbx + 8]" -> its parts."""
    return text.split(", ") if text else []


def operand(found: Any, of: Any, text: str) -> Operand:
    """An operand, in our types."""
    access = {
        "text": text,
        "read": bool(of.access & CS_AC_READ),
        "written": bool(of.access & CS_AC_WRITE),
        "size": of.size,
    }
    if of.type == X86_OP_REG:
        return Operand(kind="register", register=whole(found.reg_name(of.reg)), **access)
    if of.type == X86_OP_MEM:
        base, index, segment = (found.reg_name(r) or "" for r in (of.mem.base, of.mem.index, of.mem.segment))
        return Operand(
            kind="memory", base=whole(base), index=whole(index), scale=of.mem.scale, displacement=of.mem.disp,
            segment=segment, **access,
        )  # fmt: skip
    return Operand(kind="immediate" if of.type == X86_OP_IMM else "other", **access)


def whole(register: str) -> str:
    """The register that this one is part of."""
    return WHOLE.get(register, register)


@lru_cache(maxsize=1)
def terse() -> Any:
    """The decoder that only writes instructions down; several times as fast."""
    return Cs(CS_ARCH_X86, CS_MODE_64)


def listing(code: bytes, address: int = 0) -> list[tuple[int, str, str]]:
    """Size, mnemonic and operands of each instruction in some bytes, up to where they are none."""
    return [(size, mnemonic, operands) for _, size, mnemonic, operands in terse().disasm_lite(code, address)]


def disassembly(code: bytes, address: int) -> str:
    """The instructions in some bytes, as text; "(bad)" from where they are none."""
    found = listing(code, address)
    words = [f"{mnemonic} {operands}".strip() for _, mnemonic, operands in found]
    return "; ".join(words if sum(size for size, _, _ in found) == len(code) else [*words, "(bad)"])


def starts(code: bytes, address: int) -> tuple[int, ...]:
    """The addresses in a stretch of code at which instructions begin, also the one that its end cuts off."""
    found, at = [], 0
    for size, _, _ in listing(code, address):
        found.append(address + at)
        at += size
    return (*found, address + at) if at < len(code) else tuple(found)


def no_operation(size: int) -> bytes:
    """No-ops of a total size, in as few instructions as possible."""
    longest = [NOPS[-1]] * (size // 8)
    return b"".join(longest) + (NOPS[size % 8 - 1] if size % 8 else b"")
