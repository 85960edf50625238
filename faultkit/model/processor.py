"""The processor of all guests, x86-64: the one table of its facts, in words that other processors have, too.

Code asks for roles (`PROGRAM_COUNTER`, `CALL_ARGUMENTS`), and so does not know the processor. It lies in the model,
below host and guest: the debugger's connection reads it here, and injectors read it by `faultkit.kit` in the guest.
Instructions are in the code faults' own modules (`injectors.tools.machine_code`, `injectors.tools.bug_code`). They
say `NEEDS = "x86_64"`, as does each C file with a fact of its own (`#ifndef CONFIG_X86_64`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAME: Final = "x86_64"
WORD_BYTES: Final = 8
PAGE_BYTES: Final = 4096
PADDING: Final = "__pfx_"  # so begins the name of the padding before a function (CONFIG_PREFIX_SYMBOLS)
NO_FUNCTIONS: Final[tuple[str, ...]] = (PADDING, "__SCT__")
"""How names of code begin that is no function: padding, and trampolines of static calls
(arch/x86/include/asm/static_call.h)."""

PROGRAM_COUNTER: Final = "rip"
STACK_POINTER: Final = "rsp"
REGISTERS: Final[tuple[str, ...]] = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
"""The general registers and the program counter, in the order of the debugger's register packet, 8 bytes each."""
USER_REGISTERS: Final[tuple[str, ...]] = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
    "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
)  # fmt: skip
"""The registers that ptrace(2) gives, in order: struct user_regs_struct, arch/x86/include/asm/user_64.h."""
CALL_ARGUMENTS: Final[tuple[str, ...]] = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
KEPT_BY_CALLS: Final = frozenset({"rbx", "rbp", "r12", "r13", "r14", "r15"})
"""Registers that hold a C function's arguments, and those that it gives back unchanged (System V ABI, AMD64
supplement, 3.2.3)."""

SYSTEM_CALL_BYTES: Final = 2  # the instruction
SYSTEM_CALL_ARGUMENTS: Final[tuple[str, ...]] = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
SYSTEM_CALL_RESULT: Final = "rax"  # and its number, before
SYSTEM_CALL_NUMBER: Final = "orig_rax"  # of the call that a thread is in
LOST_IN_SYSTEM_CALLS: Final = frozenset({"rcx", "r11"})  # the instruction itself overwrites them
SYSTEM_CALLS: Final[Mapping[str, int]] = {"close": 3, "mmap": 9, "madvise": 28, "perf_event_open": 298}

TRAP: Final = b"\xcc"  # the instruction of a breakpoint
PAUSE: Final = bytes.fromhex("f390")  # the instruction of a spin loop, and a no-op of the same length
PAUSE_AS_NOP: Final = bytes.fromhex("6690")
LONGEST_INSTRUCTION_BYTES: Final = 15
COMPILERS_CALLS: Final[tuple[str, ...]] = ("__x86_",)  # so begin names of functions by which compiled code calls

DIRECT_MAPS: Final = (range(0xFFFF888000000000, 0xFFFFC88000000000), range(0xFF11000000000000, 0xFF91000000000000))
"""Kernel addresses at which all of RAM is mapped, with four and five levels of page tables
(Documentation/arch/x86/x86_64/mm.rst)."""
KERNEL_STACK_BYTES: Final = 16384  # THREAD_SIZE, to which stacks are aligned
