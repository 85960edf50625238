"""The contract between the halves of a microdriver, as its u-driver prints it: `PROGRAM --contract`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

ANSWER_S = 5.0
IN, OUT = 1, 2  # MDRV_IN, MDRV_OUT: what the callee reads, what it writes


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a shared type, by its place in the type's table. `name` begins with the type's."""

    name: str
    key: int  # type << 16 | field
    shape: str  # "scalar", "bytes", "pointer", "list", "string", "data" or "bits"
    size_bytes: int
    low: int  # of a scalar, what the k-driver takes
    high: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call, by its number; `sees` are the fields that cross with it, and which way."""

    name: str
    number: int
    sees: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """All that may cross. `head`: where in a message its parts are, first byte and size."""

    head: dict[str, tuple[int, int]]
    fields: dict[str, Field]
    upcalls: dict[str, Call]
    downcalls: dict[str, Call]

    def calls(self, kind: str) -> dict[str, Call]:
        """The calls that a kind of message belongs to."""
        return {
            "upcall": self.upcalls,
            "return": self.upcalls,
            "downcall": self.downcalls,
            "result": self.downcalls,
        }[kind]


def contract(program: Path) -> Contract:
    """The contract that a u-driver was built with. Raises: OSError if it does not say."""
    said = subprocess.run([program, "--contract"], capture_output=True, text=True, timeout=ANSWER_S, check=False)
    if said.returncode:
        raise OSError(f"{program.name} does not print its contract: {said.stderr.strip()}")
    return parse(said.stdout.splitlines())


def parse(lines: Iterable[str]) -> Contract:
    """A contract, from the lines that mdu_describe.c explains."""
    head: dict[str, tuple[int, int]] = {}
    fields: dict[str, Field] = {}
    calls: dict[str, dict[str, Call]] = {"upcall": {}, "downcall": {}}
    types: list[str] = []
    for line in lines:
        match line.split():
            case ["head", part, first, size]:
                head[part] = (int(first), int(size))
            case ["type", name, _]:
                types.append(name)
                number = 0
            case ["field", member, shape, size, low, high]:
                name = f"{types[-1]}.{member}"
                fields[name] = Field(name, (len(types) - 1) << 16 | number, shape, int(size), int(low), int(high))
                number += 1
            case ["upcall" | "downcall" as direction, name]:
                calls[direction][name] = Call(name, len(calls[direction]))
            case ["access", kind, member, mode]:
                call = calls[direction].popitem()[1]
                calls[direction][call.name] = replace(call, sees=(*call.sees, (f"{kind}.{member}", int(mode))))
    return Contract(head, fields, calls["upcall"], calls["downcall"])
