"""Machine code of the guest's processor as instructions, by capstone, for the host."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from capstone import CS_ARCH_X86, CS_MODE_64, Cs


def instructions(code: bytes, address: int) -> Iterator[tuple[int, int, str, str]]:
    """Address, size, mnemonic and operands of each instruction in code that is loaded at `address`."""
    found: Iterator[tuple[int, int, str, str]] = decoder().disasm_lite(code, address)
    return found


@lru_cache(maxsize=1)
def decoder() -> Any:
    """The decoder."""
    return Cs(CS_ARCH_X86, CS_MODE_64)
