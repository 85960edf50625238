"""The k-driver's machine code is changed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from faultkit.kit import Bench, Driver, ModuleCode, NotPlaced, Side, Site, StoppedMachine
from injectors.tools.candidates import TYPES, check_among, pick
from injectors.tools.driver_code import function_of, module_of
from injectors.tools.machine_code.instructions import NEEDS, disassembly, prologue_bytes, starts
from injectors.tools.settled import check_code, settled_site


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
    needs: ClassVar[str] = NEEDS

    operator: str
    draw: int = 0
    function: str | None = None  # this, `offset` and `new` are for "write"
    offset: int | None = None
    new: str = ""
    among: str = "all"
    site: Site | None = None  # settled by `place`

    @property
    def fault_type(self) -> str:
        return f"text: {self.operator}"

    def foresee(self, driver: Driver) -> None:
        del driver
        check_operator(self.operator)
        check_among(self.among)
        if self.operator == "write":
            code_of(self.function, self.new)

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        module = module_of(code)
        return replace(self, site=self._given(module) if self.operator == "write" else self._drawn(module))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        site = settled_site(self.site)
        check_code(machine, site)
        machine.write(site.address, bytes.fromhex(site.new))
        machine.witness(*starts(bytes.fromhex(site.old), site.address))
        return {"function": site.function, "offset": site.offset, "before": site.before, "after": site.after}

    def _drawn(self, module: ModuleCode) -> Site:
        check_operator(self.operator)
        found = pick(module, self.operator, self.draw, self.among)
        drawn = found.candidate
        new = drawn.changed(random.Random(self.draw))
        return changed_site(drawn.function, drawn.offset, drawn.address, drawn.code, new, found.among, found.in_all)

    def _given(self, module: ModuleCode) -> Site:
        new = code_of(self.function, self.new)
        function = function_of(module, self.function or "")
        offset = prologue_bytes(function.code) if self.offset is None else self.offset
        old = function.code[offset : offset + len(new)]
        if len(old) != len(new):
            raise NotPlaced(f"{self.function} is {len(function.code)} bytes long: nothing can be written at {offset}")
        return changed_site(function.name, offset, function.address + offset, old, new)


def check_operator(operator: str) -> None:
    """Refuse an unknown operator. Raises: NotPlaced."""
    if operator != "write" and operator not in TYPES:
        raise NotPlaced(f"there is no text operator {operator!r}: there are write, {', '.join(TYPES)}")


def code_of(function: str | None, new: str) -> bytes:
    """The code that "write" puts into a function. Raises: NotPlaced if it is none, or no function is named."""
    try:
        code = bytes.fromhex(new)
    except ValueError:
        code = b""
    if not code or not function:
        raise NotPlaced(f"'write' needs a function and the new code in hex, such as new='9090', not {new!r}")
    return code


def changed_site(
    function: str, offset: int, address: int, old: bytes, new: bytes, among: int = 1, in_all: int = 1
) -> Site:
    """The site of a change, with the code before and after as text."""
    return Site(
        function=function, offset=offset, address=address, old=old.hex(), new=new.hex(),
        before=disassembly(old, address), after=disassembly(new, address), among=among, in_all=in_all,
    )  # fmt: skip
