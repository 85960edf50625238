"""Where a module calls functions of the kernel and of other modules: decoded from its code as it is loaded.

Direct calls only: of a call through a pointer the code does not say where it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from capstone import CS_ARCH_X86, CS_MODE_64, Cs

from faultkit.model.code import CallSite, Function

COMPILERS = frozenset({"__fentry__", "ftrace_caller", "ftrace_regs_caller"})
"""What a function's first instructions call: tracing hooks that the compiler put there."""


def call_sites(functions: Iterable[Function], names: Mapping[int, str]) -> Iterator[CallSite]:
    """Every direct call, and every jump, from these functions to one of `names` (address -> name), in order."""
    decoder = Cs(CS_ARCH_X86, CS_MODE_64)
    for function in functions:
        for address, size, mnemonic, operand in decoder.disasm_lite(function.code, function.address):
            callee = target_name(mnemonic, operand, names)
            if callee:
                yield CallSite(
                    function.name, address - function.address, address, size, callee, tail=mnemonic != "call"
                )


def target_name(mnemonic: str, operand: str, names: Mapping[int, str]) -> str | None:
    """Which of `names` an instruction calls or jumps to; None if it does neither."""
    if (mnemonic != "call" and not mnemonic.startswith("j")) or not operand.startswith("0x"):
        return None
    name = names.get(int(operand, 16))
    return None if name in COMPILERS else name
