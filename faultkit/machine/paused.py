"""A stopped guest, in the hands of a fault's host side: what it may do there, and what waits for the guest to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.qemu import Guest
from faultkit.model.errors import HarnessError
from faultkit.model.events import Event, Kind
from faultkit.model.parts import HostSide

Action = Callable[[], None]


@dataclass(slots=True, eq=False)
class Watch:
    """Addresses whose first execution, or access, is waited for; and what is to be done then."""

    executed: frozenset[int]
    accessed: Mapping[int, int]  # address -> bytes
    action: Action

    def set(self, gdb: GdbStub) -> None:
        """Begin to wait."""
        for address in sorted(self.executed):
            gdb.set_breakpoint(address)
        for address, count in self.accessed.items():
            gdb.set_watchpoint(address, count)

    def clear(self, gdb: GdbStub) -> None:
        """Wait no more."""
        for address in sorted(self.executed):
            gdb.clear_breakpoint(address)
        for address, count in self.accessed.items():
            gdb.clear_watchpoint(address, count)


@dataclass(slots=True)
class PausedGuest:
    """The host's view of a stopped guest (in the HPET's time), and the breakpoints that it waits for."""

    guest: Guest
    seen: list[Event] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)

    def let(self, fault: HostSide, label: Mapping[str, Any]) -> None:
        """Let a fault act. Raises: NotPlaced, HarnessError.

        The host itself notes the injection: the guest may run into the fault before its agent can say a word.
        """
        hands = Hands(self, label)
        data = fault.on_host(hands)
        if data is not None:
            hands.report(Kind.FAULT_INJECTED, **data)

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """An event at this very instant."""
        self.seen.append(Event(self.guest.clock_ns(), "host", kind, data))

    def watch(self, executed: Iterable[int], accessed: Mapping[int, int], action: Action) -> None:
        """Do `action` once, when the guest comes upon one of these addresses."""
        watch = Watch(frozenset(executed), accessed, action)
        watch.set(self.guest.gdb)
        self.watches.append(watch)

    def came_upon(self) -> None:
        """The guest has stopped at something that is watched: do what waits for it."""
        at, touched = self.guest.gdb.program_counter(), self.guest.gdb.accessed()
        due = [w for w in self.watches if touched in w.accessed or (touched is None and at in w.executed)]
        if not due:
            raise HarnessError(f"the guest stopped at {at:#x}, where nothing is waited for")
        for watch in due:
            watch.clear(self.guest.gdb)
            self.watches.remove(watch)
        for watch in due:
            watch.action()


@dataclass(frozen=True, slots=True)
class Hands:
    """Fulfils `faultkit.model.parts.StoppedMachine` for one fault, whose events carry its label."""

    machine: PausedGuest
    label: Mapping[str, Any]

    def read(self, address: int, count: int) -> bytes:
        """Guest memory by virtual address."""
        return self.machine.guest.gdb.read(address, count)

    def write(self, address: int, data: bytes) -> None:
        """Write guest memory, also read-only text."""
        self.machine.guest.gdb.write(address, data)

    def registers(self) -> Mapping[str, int]:
        """The general registers and rip."""
        return self.machine.guest.gdb.registers()

    def set_register(self, name: str, value: int) -> None:
        """Change one of them."""
        self.machine.guest.gdb.set_register(name, value)

    def set_link(self, wire: str, *, up: bool) -> None:
        """Plug or pull a network cable."""
        self.machine.guest.set_link(wire, up=up)

    def report(self, kind: str, /, **data: Any) -> None:
        """An event at this very instant."""
        self.machine.note(kind, {**data, **self.label})

    def witness(self, *addresses: int) -> None:
        """The first execution of one of `addresses` is the fault's activation."""
        self.machine.watch(addresses, {}, self._activated)

    def witness_access(self, address: int, count: int) -> None:
        """The first access to one of `count` bytes at `address` is the fault's activation."""
        self.machine.watch((), {address: count}, self._activated)

    def when_executed(self, address: int, action: Action) -> None:
        """Once, when the guest is about to execute `address`."""
        self.machine.watch((address,), {}, action)

    def _activated(self) -> None:
        self.report(Kind.FAULT_ACTIVATED)
