"""A Linux guest in QEMU; the only file that knows QEMU.

A guest leaves nothing behind: its mailbox and console are anonymous memory files, its sockets are socket
pairs, and the kernel kills it when the thread that started it is gone.

How forks come to be bit-identical: virtual time counts instructions (icount, `sleep=off`); RAM, disk
and mailbox are memory devices, so no I/O completes in host time; the RTC runs on virtual time; after a
migration QEMU announces no NIC (`announce-rounds=0`); random numbers come from `-seed`.

The agent stops its guest by calling a kernel function that nobody else calls, on which there is a breakpoint:
a "door". (A stop that a device asks for, like pvpanic's, races with QEMU's main loop, which may or may not
warp the virtual clock to the next timer before the guest has stopped; a breakpoint always lets it.) There are
two doors, used in turn, because QEMU would stop again where it has just stopped.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from mmap import mmap
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil
from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, QMPClient, QMPError, Runstate, StateError

from faultkit.machine.fence import Fence, fence_of, withdrawn
from faultkit.machine.gdbstub import GdbStub
from faultkit.machine.sealed import sealed
from faultkit.machine.serial import RING_BYTES, SerialLog
from faultkit.model import processor
from faultkit.model.errors import SCARCE, GuestCrashed, GuestLost, HarnessError, Runaway, UnmetNeed, UsageError
from faultkit.model.mailbox import ADDRESS, SIZE, Mailbox
from faultkit.model.texts import neutral

SANDBOX = (
    "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny,spawn=deny"  # system calls that QEMU does without
)
QEMU = f"qemu-system-{processor.NAME}"
PACKAGE = "qemu-system-x86"  # Debian's
HPET_COUNTER = 0xFED000F0
HPET_TICK_NS = 10
STARVED = 10  # also give up after this many times the limit of processor time in wall time
OWN_SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)  # a program's own doing
TRANSLATED = re.compile(r"^0x([0-9a-f]+):  (?:[0-9a-f]{2} )+ *[a-z.]", re.MULTILINE)  # an instruction in QEMU's log
KERNEL_OPTIONS = (
    "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off nokaslr tsc=reliable random.trust_cpu=on "
    "transparent_hugepage=never "  # else a page in use brings along 511 that are not, for memory faults to go into
    f"mailbox={ADDRESS:#x}"
)


PRINTED = re.compile(r"[!-~]+")


def checked_options(text: str) -> str:
    """A user's options of the guest's kernel, as one line. Raises: UsageError for one that faultkit sets itself."""
    words = text.split()
    ours = {word.partition("=")[0] for word in KERNEL_OPTIONS.split()}
    if taken := [word for word in words if word.partition("=")[0] in ours]:
        raise UsageError(f"the kernel option {taken[0]!r} is set by faultkit itself: leave it out")
    if strange := [word for word in words if not PRINTED.fullmatch(word)]:
        raise UsageError(f"the kernel option {strange[0]!r} is no plain text")
    return " ".join(words)


class Stop(Enum):
    """Why a guest stopped."""

    MAILBOX = "mailbox"  # its agent has something to say
    PANICKED = "panicked"
    WATCHDOG = "watchdog"
    BREAKPOINT = "breakpoint"
    EXITED = "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The emulated computer; part of a template's address."""

    accel: str = "tcg"
    shift: int = 3  # an instruction takes 2^shift ns of virtual time (tcg only)
    memory_mib: int = 768
    seed: int = 42
    devices: tuple[str, ...] = ()
    kernel_options: str = ""  # more of them, behind those that every guest gets ("slub_debug=FZPU")

    @property
    def command_line(self) -> str:
        """The kernel's command line."""
        return f"{KERNEL_OPTIONS} {self.kernel_options}".strip()

    def options(self) -> list[str]:
        """QEMU's options, but for files and connections."""
        timing = [] if self.accel == "kvm" else ["-icount", f"shift={self.shift},sleep=off"]
        accel = "kvm" if self.accel == "kvm" else "tcg,thread=single"
        cpu = "host" if self.accel == "kvm" else "max"
        return [
            *("-accel", accel, *timing, "-cpu", cpu, "-seed", str(self.seed)),
            *("-m", f"{self.memory_mib}M,slots=2,maxmem=16G"),
            *("-nodefaults", "-display", "none", "-no-reboot", "-rtc", "base=2026-01-01,clock=vm"),
            *("-device", "pvpanic", "-device", "i6300esb"),
            "-action",
            "panic=none,watchdog=pause,reboot=shutdown,shutdown=pause",
            *self.devices,
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files on the host that a guest is made of."""

    kernel: Path
    initrd: Path
    root: Path
    ram: Path
    doors: tuple[int, int] = (0, 0)  # kernel addresses where the agent stops; 0: unknown, the guest never stops there


class Guest:
    """A QEMU process with its guest stopped. Use `with`; afterwards there is nothing left of it."""

    def __init__(
        self, machine: Machine, files: Files, *, fork_of: Path | None = None, trace: tuple[range, ...] = ()
    ) -> None:
        self._started = time.monotonic()
        self.ran_s = 0.0  # wall time during which the guest was executing
        self._doors = files.doors
        self._door = 0  # the one that is watched; forks come from behind the other
        self._inside = False
        self._panicked = False  # the guest said so
        fence = fence_of(QEMU)
        with ExitStack() as held, ExitStack() as theirs:
            self._qmp_socket, qmp = sockets(held, theirs)
            self._gdb_socket, gdb = sockets(held, theirs)
            box = memory_file("mailbox", theirs)
            self._scratch = memory_file("scratch", held)
            self._trace, self._errors = memory_file("trace", held), memory_file("qemu-errors", held)
            os.ftruncate(box, SIZE)
            self._memory = held.enter_context(mmap(box, SIZE))
            text = memory_file("console", held, os.MFD_ALLOW_SEALING)
            console = os.open(f"/proc/self/fd/{text}", os.O_WRONLY | os.O_CLOEXEC)
            held.callback(os.close, console)
            self._serial = SerialLog(text, console)
            self._state = lent(fence, fork_of, theirs) if fork_of else -1
            paths = (files.kernel, files.initrd, files.root)
            kernel, initrd, root = (lent(fence, path, theirs) for path in paths)
            copy = sealed(files.ram) if fork_of else None
            ram = copy.fd if copy else lent(fence, files.ram, held, os.O_RDWR)
            fds = Descriptors(
                qmp=qmp, gdb=gdb, box=box, console=console, kernel=kernel, initrd=initrd, root=root, ram=ram
            )
            tracing = traced(trace, self._trace) if trace else []
            command = [QEMU, *machine.options(), *wiring(machine, fds, private=fork_of is not None), *tracing]
            self._loop = EventLoop()
            held.callback(self._loop.close)
            passed = (*fds, self._scratch, self._trace, *([self._state] if fork_of else []))
            inside = fence.command(command, mapped_bytes=mapped(fds), kvm=machine.accel == "kvm")
            self._process = started(inside, passed, self._errors)
            self._held = held.pop_all()
        self.mailbox = Mailbox(self._memory)
        self.gdb = GdbStub(self._gdb_socket)
        self._client = QMPClient()

    def __enter__(self) -> Self:
        try:
            with self._connection_errors():
                self._run(self._client.connect(self._qmp_socket), 20)
            capability = {"capability": "x-ignore-shared", "state": True}
            self.execute("migrate-set-capabilities", capabilities=[capability])
            self.execute("migrate-set-parameters", **{"announce-rounds": 0})
            self._serial.bound()
            if self._doors[0]:
                self.gdb.set_breakpoint(self._doors[0])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End QEMU and free what it held. Never waits for the guest."""
        self._process.kill()
        with suppress(QMPError, EOFError, OSError, TimeoutError, StateError):
            self._run(self._client.disconnect(), 5)
        self._process.wait()
        self._held.close()

    @property
    def pid(self) -> int:
        """The number of QEMU's process."""
        return self._process.pid

    def processor_s(self) -> float:
        """Processor time that QEMU has used since it was started. Raises: GuestLost."""
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.NoSuchProcess:
            raise GuestLost("QEMU is gone") from None
        return float(times.user + times.system)

    def execute(self, command: str, /, **arguments: object) -> Any:
        """Execute a QMP command. Raises: GuestLost if QEMU is gone, HarnessError if it refuses."""
        with self._connection_errors():
            return self._run(self._client.execute(command, arguments), 20)

    def run(self, limit_s: float) -> Stop:
        """Let the guest run until it stops.

        Raises: GuestLost if QEMU dies, Runaway once QEMU has used `limit_s` of processor time since it was started:
        a busy host makes a trial long, but not a runaway.
        """
        self._client.events.clear()
        self._leave_door()
        start = time.monotonic()
        self.execute("cont")
        try:
            return self._until_stop(limit_s)
        finally:
            self.ran_s += time.monotonic() - start

    def _until_stop(self, limit_s: float) -> Stop:
        """Wait for the guest to stop."""
        patience = time.monotonic() + STARVED * limit_s
        while True:
            left_s = min(limit_s - self.processor_s(), patience - time.monotonic())
            if left_s <= 0 and time.monotonic() < patience:
                raise Runaway(f"the guest used up {limit_s:g} s of processor time without an end")
            if left_s <= 0:
                raise GuestLost(
                    f"the host gave QEMU less than {limit_s:g} s of processor time in {STARVED * limit_s:g} s"
                )
            try:
                event = self._next_event(left_s)
            except TimeoutError:
                continue
            if event is None:
                return self._after_exit()
            if event["event"] == "GUEST_PANICKED":
                self._panicked = True  # and it runs on: what it says at the end of a panic is still to come
            if event["event"] == "STOP":
                return self._why_stopped()
            if event["event"] == "SHUTDOWN" and not event["data"]["guest"]:
                raise GuestLost(f"QEMU was told to end ({event['data']['reason']})")

    def clock_ns(self) -> int:
        """Virtual time since power-on, read from the HPET of the stopped guest; 10 ns steps."""
        line = f"xp /2xw {HPET_COUNTER:#x}"
        answer = self.execute("human-monitor-command", **{"command-line": line})
        low, high = re.findall(r"0x([0-9a-f]{8})", answer)
        return (int(high, 16) << 32 | int(low, 16)) * HPET_TICK_NS

    def set_link(self, wire: str, *, up: bool) -> None:
        """The link of a network back end, and of the NIC on it, which is told."""
        self.execute("set_link", name=wire, up=up)

    def read_pages(self, pages: tuple[int, ...]) -> bytes:
        """Physical memory, page by page (also of a crashed guest)."""
        return b"".join(self._read_page(page) for page in pages)

    def save(self, state: Path) -> None:
        """Write the device state; RAM already is its file. The guest stays stopped."""
        with state.open("wb") as file, self._connection_errors():
            self._client.send_fd_scm(file.fileno())
            self.execute("getfd", fdname="state")
        self.execute("migrate", uri="fd:state")
        self._until(lambda: self.execute("query-migrate").get("status"), "completed")
        state.write_bytes(as_paused(state.read_bytes()))

    def load(self) -> None:
        """Become the saved guest that this one is a fork of."""
        self.execute("migrate-incoming", uri=f"fd:{self._state}")
        self._until(lambda: self.execute("query-migrate").get("status"), "completed")

    def console(self) -> str:
        """The text that the guest wrote to its serial console, made neutral; of a flood, beginning and end."""
        return neutral(self._serial.text(self._read_ring).decode(errors="replace").replace("\r\n", "\n"))

    def _read_ring(self, size: int) -> bytes:
        """Take the oldest bytes of the console out of QEMU's ring; none if QEMU is gone."""
        with suppress(GuestLost):
            return b64decode(self.execute("ringbuf-read", device="console", size=size, format="base64"))
        return b""

    def executed(self) -> frozenset[int]:
        """Addresses of the instructions in the traced ranges that were executed, by blocks that were begun."""
        return translated(os.pread(self._trace, os.fstat(self._trace).st_size, 0).decode())

    def _leave_door(self) -> None:
        """Let the guest out of the door that it stands in, and watch the other one."""
        if self._inside:
            self.gdb.clear_breakpoint(self._doors[self._door])
            self._door ^= 1
            self.gdb.set_breakpoint(self._doors[self._door])
            self._inside = False

    def _read_page(self, page: int) -> bytes:
        os.ftruncate(self._scratch, 0)
        self.execute("pmemsave", val=page * 4096, size=4096, filename=f"/dev/fd/{self._scratch}")
        return os.pread(self._scratch, 4096, 0)

    def _why_stopped(self) -> Stop:
        status = self.execute("query-status")["status"]
        if status == "debug" and self.gdb.program_counter() == self._doors[self._door]:
            self._inside = True
            return Stop.MAILBOX
        known = {
            "watchdog": Stop.WATCHDOG,
            "debug": Stop.BREAKPOINT,
            "shutdown": Stop.EXITED,
        }
        if self._panicked and status in ("watchdog", "shutdown"):
            return Stop.PANICKED
        if status not in known:
            raise HarnessError(f"QEMU stopped the guest for an unknown reason ({status})")
        return known[status]

    def _after_exit(self) -> Stop:
        """Tell a guest that shut down from a QEMU that was killed. Raises: GuestLost."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            raise GuestLost("QEMU closed its connection, and did not end") from None
        if code == 0:
            return Stop.EXITED
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        kind = GuestCrashed if crashed(code, self.complaint()) else GuestLost
        raise kind(f"QEMU ended by itself ({how}) {self.complaint()}".strip())

    def complaint(self) -> str:
        """The last line that QEMU wrote to its standard error."""
        text = os.pread(self._errors, 65536, 0).decode(errors="replace").strip()
        lines = [line for line in text.splitlines() if "warning:" not in line]
        return lines[-1] if lines else ""

    def _next_event(self, timeout_s: float) -> Mapping[str, Any] | None:
        """The next QMP event, or None if QEMU went away. Raises: TimeoutError."""
        return self._run(self._event_or_end(), max(timeout_s, 0.001))  # type: ignore[no-any-return]

    async def _event_or_end(self) -> Mapping[str, Any] | None:
        if self._client.runstate is not Runstate.RUNNING and self._client.events.empty():
            return None
        event = asyncio.ensure_future(self._client.events.get())
        ended = asyncio.ensure_future(self._client.runstate_changed())
        try:
            await asyncio.wait((event, ended), return_when=asyncio.FIRST_COMPLETED)
            return event.result() if event.done() else None
        finally:
            event.cancel()
            ended.cancel()

    def _run(self, awaitable: Any, timeout_s: float) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(awaitable, timeout_s))

    def _until(self, question: Any, answer: str, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while (status := question()) != answer:
            if status in ("failed", "cancelled") or time.monotonic() > deadline:
                raise HarnessError(f"QEMU could not move the guest's state: {status} {self.complaint()}".strip())
            time.sleep(0.0005)

    @contextmanager
    def _connection_errors(self) -> Iterator[None]:
        try:
            yield
        except ExecuteError as reason:
            raise HarnessError(f"QEMU refused a command: {reason}") from None
        except (ConnectError, ExecInterruptedError, StateError, EOFError, TimeoutError, OSError) as reason:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            raise GuestLost(f"QEMU does not answer: {self.complaint() or reason or type(reason).__name__}") from None


def sockets(held: ExitStack, theirs: ExitStack) -> tuple[socket.socket, int]:
    """A connection to QEMU: our end of it, and the number of its end."""
    ours, other = socket.socketpair()
    held.callback(ours.close)
    theirs.callback(other.close)
    return ours, other.fileno()


class EventLoop(asyncio.SelectorEventLoop):
    """An event loop that closes without a word also where it could not be made, for want of descriptors."""

    def close(self) -> None:
        """Close what is there."""
        with suppress(AttributeError):
            super().close()


class Descriptors(NamedTuple):
    """The descriptors that QEMU gets its files and connections by."""

    qmp: int
    gdb: int
    box: int
    console: int
    kernel: int
    initrd: int
    root: int
    ram: int


def memory_file(name: str, stack: ExitStack, flags: int = 0) -> int:
    """A file without a name, in memory, which the stack closes."""
    number = os.memfd_create(f"faultkit-{name}", os.MFD_CLOEXEC | flags)
    stack.callback(os.close, number)
    return number


def lent(fence: Fence, path: Path, stack: ExitStack, flags: int = os.O_RDONLY) -> int:
    """A file that QEMU gets by a descriptor, for as long as the stack says: it need not come to its path."""
    fd = fence.opened(path, flags)
    stack.callback(os.close, fd)
    if flags & os.O_RDWR:
        stack.callback(withdrawn, fd)
    return fd


def mapped(fds: Descriptors) -> int:
    """How many bytes of the guest's memory QEMU maps."""
    return SIZE + sum(os.fstat(fd).st_size for fd in (fds.ram, fds.root))


def started(command: list[str], fds: tuple[int, ...], errors: int) -> subprocess.Popen[bytes]:
    """QEMU's process, which ends with the thread that started it. Raises: UnmetNeed, OSError."""
    try:
        return subprocess.Popen(
            command,
            pass_fds=fds,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for faultkit, which lets trials end
        )
    except FileNotFoundError as reason:
        raise UnmetNeed(f"{reason.filename} is not installed: run `faultkit doctor`") from None


def crashed(code: int, complaint: str) -> bool:
    """Tell an error of QEMU's own, by its exit code and last words, from a kill or a want of memory or disk."""
    wants = any(os.strerror(number) in complaint for number in SCARCE) or "failed to allocate" in complaint
    return not wants and (code > 0 or -code in OWN_SIGNALS)


def as_paused(state: bytes) -> bytes:
    """A saved state that says "paused" for a guest that was saved at a breakpoint.

    The state names the reason for which the guest is stopped, in 100 bytes (migration/global_state.c), and QEMU
    refuses to begin at "debug", which in every other respect is the same as "paused".
    """
    debug, paused = (word.ljust(100, b"\0") for word in (b"debug", b"paused"))
    if state.count(debug) != 1:
        raise HarnessError("QEMU's saved state does not say once that the guest is at a breakpoint")
    return state.replace(debug, paused)


def wiring(machine: Machine, fds: Descriptors, *, private: bool) -> list[str]:
    """QEMU's options for files and connections. `private`: writes to RAM stay in this process."""
    ram, root = (os.fstat(fd).st_size for fd in (fds.ram, fds.root))
    share = "off" if private else "on"
    return [
        *("-kernel", f"/dev/fd/{fds.kernel}", "-initrd", f"/dev/fd/{fds.initrd}", "-append", machine.command_line),
        *("-machine", "pc,memory-backend=ram,nvdimm=on"),
        *("-object", f"memory-backend-file,id=ram,size={ram},mem-path=/dev/fd/{fds.ram},share={share}"),
        *("-object", f"memory-backend-file,id=root,size={root},mem-path=/dev/fd/{fds.root},share=on,readonly=on"),
        *("-device", "nvdimm,memdev=root,unarmed=on"),
        *("-object", f"memory-backend-file,id=box,size={SIZE},mem-path=/dev/fd/{fds.box},share=on"),
        *("-device", f"virtio-pmem-pci,memdev=box,memaddr={ADDRESS:#x}"),
        *("-add-fd", f"fd={fds.console},set=1"),
        *("-chardev", f"ringbuf,id=console,size={RING_BYTES},logfile=/dev/fdset/1", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=qmp,fd={fds.qmp}", "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"socket,id=gdb,fd={fds.gdb}", "-gdb", "chardev:gdb"),
        *("-S", *(["-incoming", "defer"] if private else [])),
        *("-sandbox", SANDBOX),
    ]


def traced(ranges: tuple[range, ...], log: int) -> list[str]:
    """QEMU's options to note what it translates, which is when it is first executed: a fork begins with nothing."""
    filters = ",".join(f"{each.start:#x}..{each.stop - 1:#x}" for each in ranges)
    return ["-d", "in_asm", "-dfilter", filters, "-D", f"/dev/fd/{log}"]


def translated(log: str) -> frozenset[int]:
    """The addresses in QEMU's log of translated code."""
    return frozenset(int(address, 16) for address in TRANSLATED.findall(log))


def qemu_version() -> str:
    """QEMU's version, "7.2.22". Raises: UnmetNeed if there is no QEMU."""
    try:
        answer = subprocess.run(
            [QEMU, "--version"], capture_output=True, encoding="utf-8", errors="replace", check=True
        ).stdout
    except (FileNotFoundError, PermissionError, subprocess.CalledProcessError):  # a want of files is none of QEMU
        raise UnmetNeed(f"{QEMU} does not run: apt-get install qemu-system-x86") from None
    found = re.search(r"version (\d+(?:\.\d+)+)", answer)
    return found[1] if found else "unknown"
