"""Call sites of a module: its calls of the kernel and of other modules, decoded from its code as it is loaded.

Direct calls only: the code does not tell the target of a call through a pointer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from faultkit.machine.decoder import instructions
from faultkit.model.code import CallSite, Function

TRACING_HOOKS = frozenset({"__fentry__", "ftrace_caller", "ftrace_regs_caller"})  # the compiler calls them on entry


def call_sites(functions: Iterable[Function], names: Mapping[int, str]) -> Iterator[CallSite]:
    """Every direct call, and every jump, from these functions to one of `names` (address -> name), in order."""
    for function in functions:
        for address, size, mnemonic, operand in instructions(function.code, function.address):
            callee = target_name(mnemonic, operand, names)
            if callee:
                yield CallSite(
                    function.name, address - function.address, address, size, callee, tail=mnemonic != "call"
                )


def target_name(mnemonic: str, operand: str, names: Mapping[int, str]) -> str | None:
    """The one of `names` that an instruction calls or jumps to; None if it does neither."""
    if (mnemonic != "call" and not mnemonic.startswith("j")) or not operand.startswith("0x"):
        return None
    name = names.get(int(operand, 16))
    return None if name in TRACING_HOOKS else name
