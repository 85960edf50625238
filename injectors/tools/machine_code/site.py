"""One place where a type of code fault can be put in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from injectors.tools.machine_code.instructions import Body, Instruction


@dataclass(frozen=True, slots=True)
class Site:
    """A stretch of a k-driver's function, and what is written there instead; by default one instruction."""

    function: str
    offset: int
    address: int
    code: bytes
    changed: Callable[[random.Random], bytes]  # as many bytes as `code`


def site(body: Body, at: Instruction, changed: Callable[[random.Random], bytes]) -> Site:
    """A site that is one instruction."""
    return Site(body.function.name, at.address - body.function.address, at.address, at.code, changed)
