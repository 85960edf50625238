"""A stretch of code that a type of fault may change."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from injectors.tools.machine_code.instructions import Body, Instruction


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch of a k-driver's function, usually one instruction, and the change that a type of fault makes there."""

    function: str
    offset: int
    address: int
    code: bytes
    changed: Callable[[random.Random], bytes]  # as many bytes as `code`
    guard: bool = False  # it is a check by the compiler, and no decision of the driver's


def candidate(body: Body, at: Instruction, changed: Callable[[random.Random], bytes]) -> Candidate:
    """A candidate of one instruction."""
    return Candidate(
        body.function.name, at.address - body.function.address, at.address, at.code, changed, at.address in body.guards
    )
