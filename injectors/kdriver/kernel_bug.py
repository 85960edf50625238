"""A function of the k-driver has a bug."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

from faultkit.kit import Bench, Driver, Entry, Kind, ModuleCode, NotPlaced, Side, StoppedMachine, processor, run
from injectors.tools.bug_code import MOST_BYTES, NEEDS, bug_code, check_kind
from injectors.tools.driver_code import function_of, module_of

SYMBOLS_S = 30.0


@dataclass(frozen=True, slots=True)
class KernelBug:
    """Let a function of the k-driver begin, once, with a null dereference, wild write, endless loop or double free.

    `kind` is one of these four; injectors/tools/bug_code.py has their machine code and the numbers that `draw`
    draws. The code lies behind the module's own, on its last page. The debugger sends the processor there when
    `function` is next called; afterwards the function goes on. UserBug is the twin for processes.

    Activation: that call.
    Data: `function`, `kind`.
    Undo: none; only the effects of the bug are left.
    """

    side: ClassVar[Side] = "k-driver"
    needs: ClassVar[str] = NEEDS
    from_guest: ClassVar[tuple[str, ...]] = ("allocate", "free")

    kind: str
    function: str
    draw: int = 0
    site: Entry | None = None  # settled by `place`
    allocate: int = 0  # the addresses of kmalloc() and kfree(): found in the guest
    free: int = 0

    @property
    def fault_type(self) -> str:
        return f"bug: {self.kind}"

    def foresee(self, driver: Driver) -> None:
        del driver
        check_kind(self.kind)

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        check_kind(self.kind)
        module = module_of(code)
        function = function_of(module, self.function, sections=(".text",))
        end = max(f.address + len(f.code) for f in module.functions if f.section == ".text")
        if -end % processor.PAGE_BYTES < MOST_BYTES:
            raise NotPlaced(f"there is no room for a bug behind the code of {module.name}")
        room = end + -end % processor.PAGE_BYTES - MOST_BYTES
        return replace(self, site=Entry(address=function.address, room=room))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        fault = self
        if self.kind == "double free":
            allocate, free = addresses_of(("__kmalloc_noprof", "kfree"))
            fault = replace(self, allocate=allocate, free=free)
        bench.call_host(fault)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        if self.site is None:
            raise NotPlaced(f"the bug was not settled on {self.function}: use place()")
        room = self.site.room
        if any(machine.read(room, MOST_BYTES)):
            raise NotPlaced(f"the memory behind the k-driver's code, at {room:#x}, is in use")
        machine.write(room, bug_code(self.kind, self.site.address, self.draw, self.allocate, self.free))
        machine.when_executed(self.site.address, partial(lead_to, machine, room))
        return {"function": self.function, "kind": self.kind}


def lead_to(machine: StoppedMachine, room: int) -> None:
    """Send the processor to the code of the bug."""
    machine.set_register(processor.PROGRAM_COUNTER, room)
    machine.report(Kind.FAULT_ACTIVATED)


def addresses_of(functions: Sequence[str]) -> list[int]:
    """The addresses of kernel functions; the query takes seconds of virtual time. Raises: NotPlaced."""
    table = "/proc/kallsyms"
    try:
        lines = run("grep", "-E", f" T ({'|'.join(functions)})$", table, timeout_s=SYMBOLS_S).splitlines()
        found = {name: int(address, 16) for address, _, name in map(str.split, lines)}
        return [found[name] for name in functions]
    except (OSError, KeyError) as reason:
        raise NotPlaced(f"{table} does not tell where the kernel has {', '.join(functions)}: {reason}") from None
