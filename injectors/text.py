"""The k-driver's machine code is changed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from faultkit.errors import NotPlaced
from faultkit.protocols import Bench, ModuleCode, Side, StoppedMachine
from injectors.sites import OPERATORS, disassembly, prologue_bytes, sites


@dataclass(frozen=True, slots=True)
class Text:
    """An instruction of the k-driver is changed in memory, through QEMU's debugger.

    `draw` (64 random bits) picks, uniformly, one of all the sites that `operator` applies to: "bit_flip",
    "nop" or "inverted_branch". Operator "write" puts the bytes `new` (hex) at `function` + `offset`; without
    an offset, at the first instruction behind what ftrace owns.
    Activation: the first execution of the site, by a breakpoint. It costs the guest no instruction,
    but its clock goes on to the next timer (at most 4 ms).
    Undo: none; a reload of the k-driver brings fresh text.
    """

    side: ClassVar[Side] = "k-driver"

    operator: str
    draw: int = 0
    function: str | None = None
    offset: int | None = None
    new: str = ""
    address: int = 0  # the rest is settled by `place`
    old: str = ""
    before: str = ""
    after: str = ""
    sites: int = 0  # how many there were to draw from

    @property
    def fault_type(self) -> str:
        return f"text: {self.operator}"

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        module = next(iter(code.values()))
        return self._given(module) if self.operator == "write" else self._drawn(module)

    def extent(self) -> range:
        """The addresses that it changes, once it is placed."""
        return range(self.address, self.address + len(self.old) // 2)

    def drawn_again(self, code: Mapping[str, ModuleCode]) -> Self:
        """Placed by the next draw; what was given and not drawn stays where it is."""
        if self.operator == "write":
            return self
        again = replace(self, draw=random.Random(self.draw).getrandbits(64))
        return again.place(code)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        if (found := machine.read(self.address, len(self.old) // 2).hex()) != self.old:
            raise NotPlaced(f"{self.function}+{self.offset} holds {found}, not {self.old}: was the k-driver reloaded?")
        machine.write(self.address, bytes.fromhex(self.new))
        machine.witness(self.address)
        return {"function": self.function, "offset": self.offset, "before": self.before, "after": self.after}

    def _drawn(self, module: ModuleCode) -> Self:
        found = sites(module, self.operator)
        if not found:
            raise NotPlaced(f"{module.name} has no site for {self.operator}")
        site = found[self.draw * len(found) >> 64]
        _, change = OPERATORS[self.operator]
        return self._at(
            site.function, site.offset, site.address, site.code, change(site.code, random.Random(self.draw)), len(found)
        )

    def _given(self, module: ModuleCode) -> Self:
        function = next((f for f in module.functions if f.name == self.function), None)
        if function is None:
            raise NotPlaced(f"{module.name} has no function {self.function!r}: it may be inlined, see /proc/kallsyms")
        offset = prologue_bytes(function.code) if self.offset is None else self.offset
        new = bytes.fromhex(self.new)
        old = function.code[offset : offset + len(new)]
        if len(old) != len(new):
            raise NotPlaced(f"{self.function} is {len(function.code)} bytes long: nothing can be written at {offset}")
        return self._at(function.name, offset, function.address + offset, old, new, 1)

    def _at(self, function: str, offset: int, address: int, old: bytes, new: bytes, count: int) -> Self:
        return replace(
            self, function=function, offset=offset, address=address, old=old.hex(), new=new.hex(), sites=count,
            before=disassembly(old, address), after=disassembly(new, address),
        )  # fmt: skip
