"""The k-driver's machine code is changed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from faultkit.kit import Bench, ModuleCode, NotPlaced, Side, StoppedMachine
from injectors.tools.machine_code.instructions import disassembly, prologue_bytes, starts
from injectors.tools.place import check_code, extent_of
from injectors.tools.sites import TYPES, module_of, pick


@dataclass(frozen=True, slots=True)
class Text:
    """Change an instruction of the k-driver in memory, through QEMU's debugger.

    `operator` is the type of fault: bit_flip, word, nop, source, destination, pointer, deleted_branch,
    inverted_branch, loop, off_by_one, initialisation, interface, lock, unlock, irq, free, allocation
    (docs/fault-models.md). `draw` (64 random bits) draws, uniformly, first a site and then one of the changes that
    the type allows there. `among` says which sites: all of the k-driver, those "executed" in a golden trial, or
    those of the "whole" module with the code that loads and unloads it. Operator "write" puts the bytes `new` (hex)
    at `function` + `offset`; without an offset, at the first instruction behind ftrace's.

    Activation: the first execution of a changed instruction, by a breakpoint. It costs the guest no instruction,
    but its clock goes on to the next timer (at most 4 ms).
    Data: `function`, `offset`, `before`, `after` (the instructions).
    Undo: none; a reload of the k-driver brings fresh text.
    """

    side: ClassVar[Side] = "k-driver"

    operator: str
    draw: int = 0
    function: str | None = None
    offset: int | None = None
    new: str = ""
    among: str = "all"
    address: int = 0  # the rest is settled by `place`
    old: str = ""
    before: str = ""
    after: str = ""
    sites: int = 0  # how many there were to draw from
    sites_in_all: int = 0  # of the type, whether executed or not

    @property
    def fault_type(self) -> str:
        return f"text: {self.operator}"

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        module = module_of(code)
        return self._given(module) if self.operator == "write" else self._drawn(module)

    def extent(self) -> range:
        """The addresses that it changes, once it is placed."""
        return extent_of(self)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        check_code(machine, self)
        machine.write(self.address, bytes.fromhex(self.new))
        machine.witness(*starts(bytes.fromhex(self.old), self.address))
        return {"function": self.function, "offset": self.offset, "before": self.before, "after": self.after}

    def _drawn(self, module: ModuleCode) -> Self:
        if self.operator not in TYPES:
            raise NotPlaced(f"there is no text operator {self.operator!r}: there are write, {', '.join(TYPES)}")
        found = pick(module, self.operator, self.draw, self.among)
        site = found.site
        settled = replace(
            self, function=site.function, offset=site.offset, sites=found.among, sites_in_all=found.in_all
        )
        return settled._at(site.address, site.code, site.changed(random.Random(self.draw)))

    def _given(self, module: ModuleCode) -> Self:
        function = next((f for f in module.functions if f.name == self.function), None)
        if function is None:
            raise NotPlaced(f"{module.name} has no function {self.function!r}: it may be inlined, see /proc/kallsyms")
        offset = prologue_bytes(function.code) if self.offset is None else self.offset
        new = bytes.fromhex(self.new)
        old = function.code[offset : offset + len(new)]
        if len(old) != len(new):
            raise NotPlaced(f"{self.function} is {len(function.code)} bytes long: nothing can be written at {offset}")
        return replace(self, offset=offset, sites=1, sites_in_all=1)._at(function.address + offset, old, new)

    def _at(self, address: int, old: bytes, new: bytes) -> Self:
        return replace(
            self, address=address, old=old.hex(), new=new.hex(), before=disassembly(old, address),
            after=disassembly(new, address),
        )  # fmt: skip
