"""Faults and workloads with a known answer. A module of its own, as a user's would be: it travels as a file."""

from __future__ import annotations

import ctypes
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from signal import SIGCONT
from typing import ClassVar

from elftools.elf.elffile import ELFFile

from drivers.nbd.driver import DISK, PAGE, direct, write
from drivers.nbd.workload import BLOCKS
from drivers.rtl8139.peer import ECHO_PORT, PEER_ADDRESS
from faultkit.kit import Bench, Check, Event, ModuleCode, NotPlaced, Side, run
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from injectors.tools.calls import MODULE as CALLS
from injectors.tools.process_memory import picks, regions, stack_pointers
from injectors.tools.settled import settled_site
from injectors.tools.udriver import pid_of
from injectors.udriver.memory import Memory


@dataclass(frozen=True, slots=True)
class FlippedDisk:
    """One bit of what the u-driver serves flips, in a block that is written no more: at the workload's last request."""

    side: ClassVar[Side] = "u-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        block = last_written(bench)
        with DISK.open("r+b", buffering=0) as disk:
            old = os.pread(disk.fileno(), 1, block * PAGE)[0]
            os.pwrite(disk.fileno(), bytes([old ^ 1]), block * PAGE)
        bench.report("injector", "fault.injected", block=block)
        bench.report("injector", "fault.activated")
        yield


def last_written(bench: Bench) -> int:
    """The block of the last acknowledged write that no later request can overwrite.

    At the workload's last request all lanes but its own have issued theirs. So the block is one of theirs, and its
    last write is acknowledged.
    """
    events: list[Event] = [*bench.reported()]  # type: ignore[attr-defined]
    issued = [e for e in events if e.kind == "request.issued"]
    per_lane = Counter(e.data["block"] // BLOCKS for e in issued)
    writes = {e.data["block"]: e.data["n"] for e in issued if e.data["op"] == "write"}  # the last of each block
    newest = {n: block for block, n in writes.items() if per_lane[block // BLOCKS] == max(per_lane.values())}
    done = [newest[e.data["n"]] for e in events if e.kind == "request.completed" and e.data["n"] in newest]
    if not done or len(set(per_lane.values())) == 1:
        raise NotPlaced("the last request is not the one that is about to be issued")
    return int(done[-1])


@dataclass(frozen=True, slots=True)
class AimedMemory:
    """A bit flip in a stack of the u-driver: in a return address that is needed next, or where nothing ever looks."""

    side: ClassVar[Side] = "u-driver"

    hot: bool

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        pid = pid_of(bench)
        ranges, pointers = regions(pid, "stack"), stack_pointers(pid)
        environment = max(high for _, high in ranges)  # the main thread's stack lies highest, and ends with it
        workers = pointers[2:]  # behind the main thread and the one that waits for the connection to end
        aims = {sp + n for sp in workers for n in range(8)} if self.hot else set(range(environment - 64, environment))
        draw = next(n for n in count() if next(picks(ranges, n))[0] in aims)
        with Memory("stack", draw).inject(bench):
            yield


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A change of the k-driver's code, and what the guest itself then finds there ("text.found")."""

    side: ClassVar[Side] = "k-driver"

    text: Text

    def place(self, code: Mapping[str, ModuleCode]) -> ReadBack:
        return ReadBack(self.text.place(code))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with self.text.inject(bench):
            site = settled_site(self.text.site)
            bench.report("test", "text.found", code=kernel_memory(site.address, len(site.new) // 2).hex())
            yield


def kernel_memory(address: int, count: int) -> bytes:
    """Memory of the running kernel, by /proc/kcore, which is an ELF file."""
    with Path("/proc/kcore").open("rb") as core:
        for each in ELFFile(core).iter_segments():
            if each["p_type"] == "PT_LOAD" and each["p_vaddr"] <= address < each["p_vaddr"] + each["p_memsz"]:
                core.seek(each["p_offset"] + address - each["p_vaddr"])
                return core.read(count)
    raise NotPlaced(f"{address:#x} is not in /proc/kcore")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A call fault that meets the calls of one probe, before the k-driver is reloaded to another place ("text.moved").

    What is loaded in between takes the old one.
    """

    side: ClassVar[Side] = "k-driver"

    fault: CallError | CallDelay

    def place(self, code: Mapping[str, ModuleCode]) -> Elsewhere:
        return replace(self, fault=self.fault.place(code))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        driver, before = bench.driver, text_of(bench.driver.modules[0])
        with self.fault.inject(bench):
            driver.probe()
            driver.detach()
            driver.unload()
            run("modprobe", "dummy", "numdummies=0")
            driver.load()
            driver.attach()
            bench.report("test", "text.moved", before=before, after=text_of(driver.modules[0]))
            yield


def text_of(module: str) -> int:
    """Where a module is loaded."""
    lines = map(str.split, Path("/proc/modules").read_text().splitlines())
    return next(int(line[5], 16) for line in lines if line[0] == module.replace("-", "_"))


@dataclass(frozen=True, slots=True)
class Rearmed:
    """A call fault that comes and goes `rounds` times, and at last the kernel module that did it, in full traffic.

    It goes when it has met a call, or after `wait_s`.
    """

    side: ClassVar[Side] = "k-driver"

    fault: CallError | CallDelay
    rounds: int = 5
    wait_s: float = 0.1

    def place(self, code: Mapping[str, ModuleCode]) -> Rearmed:
        return replace(self, fault=self.fault.place(code))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        for _ in range(self.rounds):
            met = activations(bench)
            with self.fault.inject(bench):
                deadline = time.monotonic() + self.wait_s
                while activations(bench) == met and time.monotonic() < deadline:
                    time.sleep(0.001)
        run("rmmod", CALLS.name)
        yield


def activations(bench: Bench) -> int:
    """How many there have been."""
    events: list[Event] = [*bench.reported()]  # type: ignore[attr-defined]
    return sum(event.kind == "fault.activated" for event in events)


@dataclass(frozen=True, slots=True)
class Bustle:
    """No fault: known numbers of signals, processes, modules and kernel messages for the monitors to count."""

    side: ClassVar[Side] = "u-driver"

    signals: int = 0
    processes: int = 0
    modules: int = 0
    warnings: int = 0
    notices: int = 0

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        for _ in range(self.signals):
            os.kill(pid_of(bench), SIGCONT)
        for _ in range(self.processes):
            run("nbdkit", "--version")
        for _ in range(self.modules):
            run("modprobe", "dummy", "numdummies=0")
            run("rmmod", "dummy")
        with Path("/dev/kmsg").open("wb", buffering=0) as log:
            for level, count in ((4, self.warnings), (5, self.notices)):
                for n in range(count):
                    log.write(f"<{level}>known line {n}\n".encode())
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        yield


@dataclass(frozen=True, slots=True)
class EndsTheAgent:
    """The agent's own process ends: by a wild read, by a signal, or with exit code 3."""

    side: ClassVar[Side] = "k-driver"

    signal: int = 0
    wild: bool = False

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        if self.wild:
            ctypes.string_at(8)
        if self.signal:
            os.kill(os.getpid(), self.signal)
        os._exit(3)
        yield


@dataclass(frozen=True, slots=True)
class AskForRegisters:
    """No fault: the network driver is asked for a copy of its device's registers (256 bytes)."""

    side: ClassVar[Side] = "k-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.report("injector", "fault.injected")
        text = run("ethtool", "-d", bench.driver.device, "hex", "on")
        bench.report("test", "registers.read", count=len(text))
        yield


@dataclass(frozen=True, slots=True)
class Pages:
    """A known number of writes of one page each, one after another."""

    writes: int = 97
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        with direct(os.O_RDWR) as (fd, page):
            for n in range(self.writes):
                with bench.request("write", block=n):
                    write(fd, page, n * PAGE, bytes([n % 256]) * PAGE)
        return lambda: bench.report("workload", "check.passed", blocks=self.writes)


@dataclass(frozen=True, slots=True)
class Datagrams:
    """A known number of datagrams of a known size, each echoed by the peer."""

    count: int = 97
    size_bytes: int = 1003
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(2)
            for _ in range(self.count):
                with bench.request("echo"):
                    datagrams.sendto(bytes(self.size_bytes), (PEER_ADDRESS, ECHO_PORT))
                    datagrams.recv(2048)
        return lambda: bench.report("workload", "check.passed", bytes=self.count)
