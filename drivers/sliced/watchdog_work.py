"""Workloads of a watchdog: all questions of its interface, to its end, and feeding that is checked."""

from __future__ import annotations

import errno
import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fcntl import ioctl
from functools import partial
from pathlib import Path

from drivers.sliced.watchdog import (
    CONFIG_REGISTER,
    ENABLED,
    LOCK_REGISTER,
    LOCKED,
    MODULE,
    alone,
    class_folder,
    expect,
    keep_alive,
    opened,
    register,
    set_timeout,
    timeout,
    try_out,
)
from faultkit.kit import Bench, Check, Kind, Patience, bind_device, final_check, unbind_device

LONGEST_S = 2046
STEP_S = 0.02  # the last step that is over tells when the watchdog ended the guest
TIMEOUTS = (1, 2, 30, 1023, LONGEST_S, LONGEST_S + 1, 0, -1, 2**31 - 1, 30)
SAID_BYTES = 40  # of struct watchdog_info
SUPPORT = 0x80285700  # WDIOC_GETSUPPORT
NUMBERS = {  # WDIOC_... that answer with a number, or would
    "status": 0x80045701,
    "bootstatus": 0x80045702,
    "temperature": 0x80045703,
    "timeout": 0x80045707,
    "pretimeout": 0x80045709,
    "time left": 0x8004570A,
    "nonsense": 0x8004571F,
}
OPTIONS = {"off": 1, "on": 2, "temperature panic": 4}  # WDIOS_...
SET_OPTIONS, SET_PRETIMEOUT = 0x80045704, 0xC0045708
ATTRIBUTES = (
    "bootstatus",
    "identity",
    "max_timeout",
    "min_timeout",
    "nowayout",
    "options",
    "state",
    "status",
    "timeout",
)
Question = tuple[str, Callable[[int], object]]


def ask_number(order: int, value: int, fd: int) -> int:
    """The number that an ioctl takes and answers. Raises: OSError."""
    return int(struct.unpack("<i", ioctl(fd, order, struct.pack("<i", value)))[0])


def support(fd: int) -> str:
    """The name, its version, and the abilities."""
    options, version, name = struct.unpack("<II32s", ioctl(fd, SUPPORT, bytes(SAID_BYTES)))
    return f"{name.rstrip(bytes(1)).decode()} {version} {options:#x}"


def attributes(fd: int) -> str:
    """All that sysfs says of the watchdog."""
    return ", ".join(f"{name} {(class_folder() / name).read_text().strip()}" for name in ATTRIBUTES)


def registers(fd: int) -> str:
    """The chip's own account of itself."""
    return f"lock {register(LOCK_REGISTER, 1):#x}, config {register(CONFIG_REGISTER, 2):#x}"


def questions() -> Iterator[Question]:
    """Each question's name, and the function that asks it by a handle."""
    yield from (("support", support), ("attributes", attributes), ("registers", registers))
    yield from ((name, partial(ask_number, order, 0)) for name, order in NUMBERS.items())
    yield "keep alive", keep_alive
    for seconds in TIMEOUTS:
        yield f"set timeout {seconds}", partial(seconds_set, seconds)
    for seconds in (0, 1, 31):
        yield f"set pretimeout {seconds}", partial(ask_number, SET_PRETIMEOUT, seconds)
    for name, bits in OPTIONS.items():
        yield f"options {name}", partial(ask_number, SET_OPTIONS, bits)
        yield f"registers after {name}", registers
    yield from (("turned on again", partial(ask_number, SET_OPTIONS, OPTIONS["on"])), ("registers again", registers))
    yield "write", lambda fd: os.write(fd, b"nothing of it is magic")
    yield "open twice", lambda fd: os.open(Path("/dev") / class_folder().name, os.O_WRONLY)
    yield from (("attributes at the end", attributes), ("registers at the end", registers))


def seconds_set(seconds: int, fd: int) -> str:
    """The time that is set and then found, by two ways. Raises: OSError."""
    try:
        answered = set_timeout(fd, seconds)
    finally:
        found = timeout(fd)
    return f"{answered}, then {found}, {attributes(fd)}"


@dataclass(frozen=True, slots=True)
class WatchdogQuestions:
    """Ask a watchdog everything that its interface knows. Each answer is an event.

    The timer runs meanwhile, and is stopped and started in many ways. `starves`: in the end it cannot be stopped any
    more, is fed `fed` times, each after three quarters of its `seconds`, and then no more, so that it ends the guest.
    """

    starves: bool = False
    seconds: int = 2
    fed: int = 4
    deadline_s: float = 60.0
    late_s: float = 10.0

    def run(self, bench: Bench) -> Check:
        with alone():
            ask_all(bench)
            if self.starves:
                answer(bench, "no way out", no_way_out)
                self.starve(bench)
        return partial(check, bench)

    def starve(self, bench: Bench) -> None:
        """Feed it for a while, and wait for the end."""
        fd = os.open(Path("/dev") / class_folder().name, os.O_WRONLY)
        set_timeout(fd, self.seconds)
        for _ in range(self.fed):
            time.sleep(self.seconds * 3 / 4)
            with bench.request("feed"):
                keep_alive(fd)
        for _ in range(4 * round(self.seconds / STEP_S)):
            with bench.request("starve"):
                time.sleep(STEP_S)
        bench.report("workload", Kind.WORKLOAD_GAVE_UP, why="the watchdog lets the guest live")


def ask_all(bench: Bench) -> None:
    """All questions, with a handle and without."""
    with opened() as fd:
        for name, function in questions():
            answer(bench, name, partial(function, fd))
    answer(bench, "stopped", partial(registers, -1))
    answer(bench, "closed without magic", closed_without_magic)
    answer(bench, "opened and closed", try_out)
    answer(bench, "rebound", rebound)
    answer(bench, "opened and closed again", try_out)


def answer(bench: Bench, name: str, action: Callable[[], object]) -> None:
    """One question; its answer, or the error, is an event."""
    status, text = 0, ""
    with bench.request("ask"):
        try:
            text = str(action())
        except OSError as reason:
            status, text = reason.errno or errno.EIO, str(reason)
    bench.report("workload", Kind.QUESTION_ANSWERED, command=name, status=status, text=text)


def closed_without_magic() -> str:
    """The timer runs on after such an end; the next one stops it."""
    fd = os.open(Path("/dev") / class_folder().name, os.O_WRONLY)
    os.close(fd)
    return registers(-1)


def rebound() -> str:
    """The driver leaves its device and takes it again."""
    unbind_device(MODULE)
    bind_device(MODULE)
    return attributes(-1)


def no_way_out() -> str:
    """The magic close does not stop the timer. Raises: OSError, because it should."""
    (class_folder() / "nowayout").write_text("1")
    found = f"{attributes(-1)}, {registers(-1)}"
    try:
        with opened() as fd:
            expect(ENABLED | LOCKED)
            set_timeout(fd, LONGEST_S)
    except OSError as reason:
        return f"{found}; {reason}, {registers(-1)}"
    return found


def check(bench: Bench) -> None:
    """The chip obeys, and is left stopped."""
    with final_check(bench), alone():
        try_out()


@dataclass(frozen=True, slots=True)
class Feeding:
    """Open the watchdog, set a time, feed it, and stop it, again and again; the chip's registers are looked at.

    A request that fails is tried again until `give_up_s` of virtual time have passed.
    """

    requests: int = 16
    give_up_s: float = 10.0
    deadline_s: float = 40.0
    late_s: float = 10.0

    def run(self, bench: Bench) -> Check:
        rng = random.Random(bench.seed)
        patience = Patience(bench, self.give_up_s)
        left = self.requests
        while left:
            seconds = rng.randint(60, LONGEST_S)
            try:
                with bench.request("feed", seconds=seconds):
                    found = feed(seconds)
            except OSError:
                if patience.is_over():
                    break
                continue
            if found != seconds:
                bench.report("workload", Kind.READ_MISMATCHED, op="timeout", expected=seconds, found=found)
            patience.renew()
            left -= 1
        return partial(check, bench)


def feed(seconds: int) -> int:
    """Set a time and feed; the time that the driver then says it is. Raises: OSError."""
    with alone(), opened() as fd:
        set_timeout(fd, seconds)
        keep_alive(fd)
        return timeout(fd)
