"""A bit of one of the u-driver's registers flips."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side, processor
from injectors.tools.perf import activated_by, tracepoint
from injectors.tools.ptrace import before_call, registers, set_registers, stopped_thread, waits_in_call
from injectors.tools.udriver import needs_udriver, pid_of, threads_of

DRAWN = processor.REGISTERS


@dataclass(frozen=True, slots=True)
class Registers:
    """Flip one bit of one register (a general one, or rip) of one thread of the u-driver, by ptrace.

    `draw` draws thread, register and bit, uniformly; a `register` that is named is not drawn. A thread that waits
    in a system call is taken back to just before its `syscall` instruction: a flip in rax makes it another call,
    one in rdi another argument. Its rcx and r11 are not drawn, because the instruction overwrites them; a wait with
    a timeout begins anew.

    Activation: the thread runs on: its next system call, or a signal. A read of the register is not seen: a
    register that is overwritten first gives MASKED.
    Data: `thread`, `register`, `old`, `new`.
    Undo: none.
    """

    side: ClassVar[Side] = "u-driver"

    register: str = ""
    draw: int = 0

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_register(self.register)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        check_register(self.register)
        rng = random.Random(self.draw)
        tid = rng.choice(threads_of(pid_of(bench)))
        try:
            with stopped_thread(tid):
                runs_on = tracepoint("raw_syscalls/sys_enter"), tracepoint("signal/signal_deliver")
                with activated_by(bench, [tid], *runs_on) as t_ns:
                    name, old, new = flip(tid, self.register, rng)
                data = {"register": name, "old": f"{old:#x}", "new": f"{new:#x}"}
                bench.report("injector", Kind.FAULT_INJECTED, t_ns, thread=tid, **data)
        except OSError as reason:
            raise NotPlaced(f"the registers of thread {tid} cannot be changed: {reason.strerror}") from None
        yield


def check_register(register: str) -> None:
    """Refuse an unknown register. Raises: NotPlaced."""
    if register and register not in DRAWN:
        raise NotPlaced(f"there is no register {register!r} to flip: there are {', '.join(DRAWN)}")


def flip(tid: int, register: str, rng: random.Random) -> tuple[str, int, int]:
    """Flip a bit of a stopped thread's register and see that it is flipped: its name, its value before and after."""
    values = registers(tid)
    waits = waits_in_call(values)
    name = register or rng.choice([name for name in DRAWN if not (waits and name in processor.LOST_IN_SYSTEM_CALLS)])
    old = before_call(values) if waits else values
    new = old | {name: old[name] ^ 1 << rng.randrange(64)}
    set_registers(tid, new)
    if registers(tid) != new:
        raise NotPlaced(f"the kernel did not accept {new[name]:#x} for {name} of thread {tid}")
    return name, old[name], new[name]
