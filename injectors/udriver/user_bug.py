"""A function of the u-driver has a bug."""

from __future__ import annotations

import mmap
import os
import signal
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import ClassVar

from elftools.elf.elffile import ELFFile

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side, processor
from injectors.tools.bug_code import NEEDS, bug_code, check_kind
from injectors.tools.ptrace import CONT, DETACH, INTERRUPT, SEIZE, await_stop, call_in, ptrace, registers, set_registers
from injectors.tools.udriver import needs_udriver, pid_of

SYMBOL = struct.Struct("=IBBHQQ")  # Elf64_Sym
TYPE_BITS, FUNCTION = 0xF, 2  # of st_info; STT_FUNC
WAKE = signal.SIGURG  # which a process ignores unless it asks for it
READY_S = 2.0
READ_WRITE_EXECUTE, PRIVATE_ANONYMOUS, NO_FILE = 7, 0x22, (1 << 64) - 1  # mmap(2)


@dataclass(frozen=True, slots=True)
class UserBug:
    """Let a function of the u-driver begin, once, with a null dereference, wild write, endless loop or double free.

    `kind` is one of these four; injectors/tools/bug_code.py has their machine code, with the numbers that `draw`
    draws. The code lies on a page that the process is made to map. ptrace sends the thread there when `function` is
    next called; afterwards the function goes on. For programs of one thread that are linked statically, at fixed
    addresses. KernelBug is the twin for the kernel.

    Activation: that call.
    Data: `pid`, `function`, `kind`.
    Undo: a call that has not come yet is not waited for any more.
    """

    side: ClassVar[Side] = "u-driver"
    needs: ClassVar[str] = NEEDS

    kind: str
    function: str
    draw: int = 0

    @property
    def fault_type(self) -> str:
        return f"bug: {self.kind}"

    @property
    def program_functions(self) -> tuple[str, ...]:
        return (self.function, "malloc", "free")

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_kind(self.kind)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        check_kind(self.kind)
        pid = pid_of(bench)
        functions = functions_of(Path(f"/proc/{pid}/exe"))
        missing = {*self.program_functions} - {*functions}
        if missing:
            raise NotPlaced(f"the u-driver has no function {', '.join(sorted(missing))}: it may be inlined")
        at = functions[self.function]
        code = bug_code(self.kind, at, self.draw, functions["malloc"], functions["free"])
        detour = Detour(bench, pid, at, code, space_in(pid))
        detour.begin()
        bench.report("injector", Kind.FAULT_INJECTED, pid=pid, function=self.function, kind=self.kind)
        try:
            yield
        finally:
            detour.end()


@dataclass(slots=True)
class Detour:
    """Waits until a process calls a function, in a thread of its own as ptrace(2) wants it, and leads it aside once."""

    bench: Bench
    pid: int
    at: int
    code: bytes
    space: int
    error: OSError | None = None
    ended: bool = False
    ready: Event = field(default_factory=Event)

    def begin(self) -> None:
        """Come back when it waits. Raises: NotPlaced."""
        Thread(target=self._run, daemon=True).start()
        if not self.ready.wait(READY_S) or self.error:
            raise NotPlaced(f"process {self.pid} cannot be led aside: {self.error or 'it does not stop'}")

    def end(self) -> None:
        """Wait no more."""
        self.ended = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, WAKE)

    def _run(self) -> None:
        try:
            ptrace(SEIZE, self.pid, 0, 0)
            ptrace(INTERRUPT, self.pid, 0, 0)
            await_stop(self.pid)
            with Path(f"/proc/{self.pid}/mem").open("r+b", buffering=0) as memory:
                self._wait(memory.fileno())
        except OSError as reason:  # among them: the process has ended
            self.error = reason
        finally:
            self.ready.set()

    def _wait(self, memory: int) -> None:
        """Write the code and a trap into the process, and let it run until it meets the trap. Raises: OSError."""
        os.pwrite(memory, self.code, self.space)
        before = os.pread(memory, len(processor.TRAP), self.at)
        os.pwrite(memory, processor.TRAP, self.at)
        self.ready.set()
        number = 0
        while not self._has_come(number) and not self.ended:
            ptrace(CONT, self.pid, 0, number if number != signal.SIGTRAP else 0)
            number = await_stop(self.pid)
        os.pwrite(memory, before, self.at)
        if self._has_come(number):
            set_registers(self.pid, registers(self.pid) | {processor.PROGRAM_COUNTER: self.space})
            self.bench.report("injector", Kind.FAULT_ACTIVATED)
        ptrace(DETACH, self.pid, 0, 0)

    def _has_come(self, number: int) -> bool:
        """True if the thread stopped for the trap."""
        return number == signal.SIGTRAP and registers(self.pid)[processor.PROGRAM_COUNTER] == self.at + len(
            processor.TRAP
        )


def space_in(pid: int) -> int:
    """A page of its own for code that is not the process'. Raises: NotPlaced."""
    try:
        return call_in(pid, "mmap", 0, mmap.PAGESIZE, READ_WRITE_EXECUTE, PRIVATE_ANONYMOUS, NO_FILE, 0)
    except OSError as reason:
        raise NotPlaced(f"process {pid} gets no memory: {reason.strerror}") from None


def functions_of(program: Path) -> Mapping[str, int]:
    """The functions of an ELF file that is linked at fixed addresses, from its symbol table.

    Its entries are unpacked all at once: one by one, pyelftools takes a hundred times as long, which the guest would
    spend while the u-driver runs. Raises: NotPlaced if the program is stripped.
    """
    with program.open("rb") as file:
        elf = ELFFile(file)
        table, strings = map(elf.get_section_by_name, (".symtab", ".strtab"))
        if table is None or strings is None:
            raise NotPlaced("the u-driver's program has no symbol table")
        symbols, names = SYMBOL.iter_unpack(table.data()), strings.data()
    return {
        names[name : names.index(b"\0", name)].decode(): address
        for name, info, _, _, address, _ in symbols
        if info & TYPE_BITS == FUNCTION
    }
