"""The guest while it is stopped: the host side of a fault acts on it, and waits for addresses to be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faultkit.machine.bounded import HostTime
from faultkit.machine.door import HostCall
from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.qemu import Guest
from faultkit.model.codec import name_of
from faultkit.model.errors import HarnessError
from faultkit.model.events import Event, Kind
from faultkit.model.received import NOTED, garbled

Action = Callable[[], None]


@dataclass(slots=True, eq=False)
class Watch:
    """An action, and the addresses whose first execution or access it waits for."""

    executed: frozenset[int]
    accessed: Mapping[int, int]  # address -> bytes
    action: Action
    owner: str  # the short name of the part whose action it is

    def set(self, gdb: GdbStub) -> None:
        """Set breakpoints and watchpoints."""
        for address in sorted(self.executed):
            gdb.set_breakpoint(address)
        for address, count in self.accessed.items():
            gdb.set_watchpoint(address, count)

    def clear(self, gdb: GdbStub) -> None:
        """Remove the breakpoints and watchpoints."""
        for address in sorted(self.executed):
            gdb.clear_breakpoint(address)
        for address, count in self.accessed.items():
            gdb.clear_watchpoint(address, count)


@dataclass(slots=True)
class PausedGuest:
    """A stopped guest, the host's events (by the HPET's time), and the watches that are set."""

    guest: Guest
    seen: list[Event] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    time: HostTime = field(default_factory=HostTime)
    garbled: int = 0

    def run_host_side(self, call: HostCall) -> None:
        """Run a fault's host side. Raises: NotPlaced, HarnessError, Runaway if it does not end.

        The host reports the injection: the guest may reach the fault before its agent can report anything.
        """
        name = name_of(call.fault)
        machine = LabelledMachine(self, call.label, name)
        data = self.time.run(name, lambda: call.fault.on_host(machine))
        if data is not None:
            machine.report(Kind.FAULT_INJECTED, **data)

    def note_garbled(self, place: str, first: str, why: str) -> None:
        """Note something that the guest brought to the door and that is not allowed there."""
        self.garbled += 1
        if self.garbled <= NOTED:
            self.seen.append(garbled(self.guest.clock_ns(), place, first, why))

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event at this instant."""
        self.seen.append(Event(self.guest.clock_ns(), "host", kind, data))

    def watch(self, executed: Iterable[int], accessed: Mapping[int, int], action: Action, owner: str) -> None:
        """Run an action of the part `owner` once, when the guest executes or accesses one of these addresses."""
        watch = Watch(frozenset(executed), accessed, action, owner)
        watch.set(self.guest.gdb)
        self.watches.append(watch)

    def run_actions(self) -> None:
        """Run the actions of the breakpoint or watchpoint that stopped the guest. Raises: HarnessError."""
        at, touched = self.guest.gdb.program_counter(), self.guest.gdb.accessed()
        due = [w for w in self.watches if touched in w.accessed or (touched is None and at in w.executed)]
        if not due:
            raise HarnessError(f"the guest stopped at {at:#x}, where no breakpoint is set")
        for watch in due:
            watch.clear(self.guest.gdb)
            self.watches.remove(watch)
        for watch in due:
            self.time.run(watch.owner, watch.action)


@dataclass(frozen=True, slots=True)
class LabelledMachine:
    """A `faultkit.model.parts.StoppedMachine` for one fault, whose events carry its label."""

    paused: PausedGuest
    label: Mapping[str, Any]
    owner: str  # the fault's short name

    def read(self, address: int, count: int) -> bytes:
        """Guest memory by virtual address."""
        return self.paused.guest.gdb.read(address, count)

    def write(self, address: int, data: bytes) -> None:
        """Write guest memory, also read-only text."""
        self.paused.guest.gdb.write(address, data)

    def registers(self) -> Mapping[str, int]:
        """The general registers and rip."""
        return self.paused.guest.gdb.registers()

    def set_register(self, name: str, value: int) -> None:
        """Change a general register."""
        self.paused.guest.gdb.set_register(name, value)

    def set_link(self, wire: str, *, up: bool) -> None:
        """Plug or pull a network cable."""
        self.paused.guest.set_link(wire, up=up)

    def report(self, kind: str, /, **data: Any) -> None:
        """Report an event at this instant."""
        self.paused.note(kind, {**data, **self.label})

    def witness(self, *addresses: int) -> None:
        """Report the first execution of one of `addresses` as the fault's activation."""
        self.paused.watch(addresses, {}, self._activated, self.owner)

    def witness_access(self, address: int, count: int) -> None:
        """Report the first access to one of `count` bytes at `address` as the fault's activation."""
        self.paused.watch((), {address: count}, self._activated, self.owner)

    def when_executed(self, address: int, action: Action) -> None:
        """Run `action` once, when the guest is about to execute `address`."""
        self.paused.watch((address,), {}, action, self.owner)

    def _activated(self) -> None:
        self.report(Kind.FAULT_ACTIVATED)
