"""Memory that the k-driver uses in the kernel is damaged."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Self

from faultkit.kit import Bench, Driver, HarnessError, Kind, ModuleCode, NotPlaced, Side, Site, StoppedMachine, processor
from injectors.tools.candidates import check_among
from injectors.tools.machine_code.instructions import NEEDS, Operand, decoded
from injectors.tools.settled import drawn_site, settled_site, wait_for

REGIONS = {"stack": "nop", "heap": "load"}  # region -> the kind of site at which the fault waits: any, or a load
SIZES = {"bit": 1, "word": processor.WORD_BYTES}  # damaged unit -> bytes that hold it


@dataclass(frozen=True, slots=True)
class KernelMemory:
    """Change kernel memory in the "stack" or the "heap": a "bit" flips, or a "word" (8 bytes, aligned) becomes random.

    The fault waits for an instruction of the k-driver, which `draw` draws uniformly (`among` as in `Text`), and
    goes in when that is next executed. `region` stack: anywhere from the stack pointer to the end of the stack, so
    also in the frames of the k-driver's callers. heap: in the memory that the instruction, a load through a
    pointer, is about to read. A load from elsewhere than the kernel's allocators (a device's register, a global) is
    not damaged: `fault.spared`.

    Activation: the first access to the damaged bytes, by anybody but a device (the debugger's watch on memory).
    Data: `function`, `offset`, `at`, `address`, `old`, `new`.
    Undo: none.
    """

    side: ClassVar[Side] = "k-driver"
    needs: ClassVar[str] = NEEDS

    region: str
    size: str = "bit"
    draw: int = 0
    among: str = "all"
    site: Site | None = None  # settled by `place`

    @property
    def fault_type(self) -> str:
        return f"kernel memory: {self.region} {self.size}"

    def foresee(self, driver: Driver) -> None:
        del driver
        self._check()
        check_among(self.among)

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        self._check()
        return replace(self, site=drawn_site(code, REGIONS[self.region], self.draw, self.among))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> None:
        site = settled_site(self.site)
        where = wait_for(machine, site, partial(self._damage, machine, site))
        machine.report(Kind.FAULT_WAITS, **where)

    def _check(self) -> None:
        for value, known in ((self.region, REGIONS), (self.size, SIZES)):
            if value not in known:
                raise NotPlaced(f"there is no kernel memory {value!r}: there are {', '.join(known)}")

    def _damage(self, machine: StoppedMachine, site: Site) -> None:
        extent = self._extent(machine, site)
        if not extent:
            machine.report(Kind.FAULT_SPARED, why=f"{site.before} does not read the heap")
            return
        size = SIZES[self.size]
        rng = random.Random(self.draw)
        address = rng.choice(extent[:: 1 if size == 1 else 8]) // size * size
        old = machine.read(address, size)
        new = damaged(old, rng)
        machine.write(address, new)
        machine.witness_access(address, size)
        machine.report(Kind.FAULT_INJECTED, function=site.function, offset=site.offset, at=site.before,
                       address=f"{address:#x}", old=old.hex(), new=new.hex())  # fmt: skip

    def _extent(self, machine: StoppedMachine, site: Site) -> range:
        """The addresses that the damage is drawn from."""
        registers = machine.registers()
        if self.region == "stack":
            return used_stack(machine, registers[processor.STACK_POINTER])
        of = next(decoded(bytes.fromhex(site.old), site.address)).memory
        found = pointed_to(of, registers) if of else range(0)
        return found if any(found.start in mapped for mapped in processor.DIRECT_MAPS) else range(0)


def used_stack(machine: StoppedMachine, pointer: int) -> range:
    """From the stack pointer to the end of the stack that it points into; an interrupt's ends at a guard page."""
    end = (pointer | processor.PAGE_BYTES - 1) + 1
    while end % processor.KERNEL_STACK_BYTES and is_mapped(machine, end):
        end += processor.PAGE_BYTES
    return range(pointer, end)


def is_mapped(machine: StoppedMachine, address: int) -> bool:
    """True if the address is mapped."""
    try:
        machine.read(address, 1)
    except HarnessError:
        return False
    return True


def pointed_to(operand: Operand, registers: Mapping[str, int]) -> range:
    """The addresses that a memory operand stands for."""
    address = registers.get(operand.base, 0) + registers.get(operand.index, 0) * operand.scale + operand.displacement
    return range(address % 2**64, address % 2**64 + operand.size)


def damaged(old: bytes, rng: random.Random) -> bytes:
    """A byte with one bit flipped, or other random bytes."""
    bits = 8 * len(old)
    change = 1 << rng.randrange(bits) if len(old) == 1 else rng.randrange(1, 1 << bits)
    return (int.from_bytes(old, "little") ^ change).to_bytes(len(old), "little")
