"""Bits of the u-driver's memory flip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from faultkit.kit import Bench, Driver, Kind, NotPlaced, Side
from injectors.tools.machine_code.instructions import NEEDS
from injectors.tools.perf import Watched, access, activated_by, execution
from injectors.tools.process_memory import Range, check_region, picks, regions, used, watch_use
from injectors.tools.udriver import needs_udriver, pid_of, threads_of
from injectors.tools.user_code import start_of


@dataclass(frozen=True, slots=True)
class Memory:
    """Flip a bit of the u-driver's "heap", "stack", "data" or "text", or several of one byte, through /proc/PID/mem.

    data: writable mappings of the program's and its libraries' files. stack: each thread's, from its stack pointer
    up. text: their machine code; the change is this process' own. heap: all other anonymous memory.
    `draw` (64 random bits) draws one of the region's bits, uniformly; with `bits` > 1 its neighbours flip, too.
    `among` says which pages are drawn from. "resident": those in RAM. "used": those that are written (of text:
    executed or read) during `observe` requests, after which the bit flips.

    Activation: the first access to the byte by any thread of the u-driver, or by the kernel on its behalf, seen by
    a hardware breakpoint; of text, the first execution of the byte's instruction. x86 cannot watch for reads alone:
    an access that overwrites the byte unread counts, too.
    Data: `region`, `address`, `old`, `new` (the byte), `among_bytes` (how much there was to draw from).
    Undo: none: the bit stays flipped, and the last check may be the first to meet it.
    """

    side: ClassVar[Side] = "u-driver"
    needs: ClassVar[str] = NEEDS

    region: str
    draw: int = 0
    bits: int = 1
    among: str = "resident"
    observe: int = 8

    @property
    def fault_type(self) -> str:
        where = self.region if self.among == "resident" else f"{self.region} in use"
        return f"memory: {where}" if self.bits == 1 else f"memory: {where}, {self.bits} bits"

    def foresee(self, driver: Driver) -> None:
        needs_udriver(driver)
        check_region(self.region)
        check_bits(self.bits, self.among)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        check_bits(self.bits, self.among)
        pid = pid_of(bench)
        if self.among == "resident":
            self.put(bench, pid, regions(pid, self.region))
        else:
            watch_use(pid, self.region)
            after_requests(bench, self.observe, partial(self.put_among_used, bench, pid))
        yield

    def put_among_used(self, bench: Bench, pid: int) -> None:
        """Flip a bit of the pages that were observed in use. Raises: NotPlaced."""
        try:
            ranges = used(pid, self.region)
        except OSError as reason:
            raise NotPlaced(f"process {pid} was gone before it had been observed: {reason.strerror}") from None
        self.put(bench, pid, ranges)

    def put(self, bench: Bench, pid: int, ranges: list[Range]) -> None:
        """Draw, flip, and see to the witness."""
        address, bit, watched = self.site(pid, ranges)
        with activated_by(bench, threads_of(pid), watched) as t_ns:
            old, new = flip(pid, address, mask_of(bit, self.bits))
        bench.report(
            "injector", Kind.FAULT_INJECTED, t_ns, region=self.region, address=f"{address:#x}", old=old, new=new,
            among_bytes=sum(high - low for low, high in ranges),
        )  # fmt: skip

    def site(self, pid: int, ranges: list[Range]) -> tuple[int, int, Watched]:
        """Byte, bit and what to watch for: the first pick, of text the first that lies in a function."""
        for address, bit in picks(ranges, self.draw):
            if self.region != "text":
                return address, bit, access(address)
            if start := start_of(pid, address):
                return address, bit, execution(start)
        raise AssertionError("picks never end")


def after_requests(bench: Bench, count: int, action: Callable[[], None]) -> None:
    """Run `action` when so many more requests have been issued."""
    if count:
        bench.at_next_request(partial(after_requests, bench, count - 1, action))
    else:
        action()


def mask_of(bit: int, count: int) -> int:
    """So many neighbouring bits of a byte, from `bit` on, or up to the last one."""
    return ((1 << count) - 1) << min(bit, 8 - count)


def flip(pid: int, address: int, mask: int) -> tuple[int, int]:
    """Flip bits of another process' memory and see that they are flipped; the byte before and after."""
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    try:
        old = os.pread(memory, 1, address)[0]
        os.pwrite(memory, bytes([old ^ mask]), address)
        new = os.pread(memory, 1, address)[0]
    except OSError as reason:
        raise NotPlaced(f"process {pid}'s memory at {address:#x} cannot be changed: {reason.strerror}") from None
    finally:
        os.close(memory)
    if new != old ^ mask:
        raise NotPlaced(f"process {pid} changed {address:#x} while it was being flipped")
    return old, new


def check_bits(bits: int, among: str) -> None:
    """Refuse a number of bits and a choice of pages that there are not. Raises: NotPlaced."""
    if not 1 <= bits <= 8:
        raise NotPlaced(f"1 to 8 bits of a byte can flip, not {bits}")
    if among not in ("resident", "used"):
        raise NotPlaced(f"there are no pages {among!r} to draw from: there are resident, used")
