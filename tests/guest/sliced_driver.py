"""A microdriver whose contract is tables alone, to ask the runtime for all that sliced drivers need. A module of its
own: it travels as a file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, Check, KernelModule, Program, retry, unload_module
from microdriver import Microdriver, UDriver, halves

MODULE = "sliced_micro"
SOURCES = Path(__file__).parent / MODULE
NODE = Path("/dev/mdrv_sliced")
INSTANCE = Path("/dev/microdriver/sliced")
UDRIVER = UDriver(Path("/faultkit/bin/sl_u"), INSTANCE)
ATTACH_S = 2.0
END_S = 5.0
DO = (  # enum sl_do
    "values", "texts", "copies", "pointers", "memory", "acquire", "keep", "release", "fields", "nest",
    "gate", "gate_and_die", "print", "stray", "stray_field", "global", "gone", "foreign", "sleep", "short", "unnamed",
    "lock",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sliced(Microdriver):
    """One instance without a device; `/dev/mdrv_sliced` asks questions about it."""

    MODULE: ClassVar = MODULE
    UDRIVER: ClassVar = UDRIVER

    def files(self) -> Mapping[str, KernelModule | Program]:
        return halves(SOURCES, MODULE, "sl_u")

    def unload(self) -> None:
        """The u-driver stays: the k-driver must be able to go without its help."""
        unload_module(MODULE)

    def attach(self) -> None:
        retry(self.probe, timeout_s=ATTACH_S)

    def probe(self) -> None:
        """One upcall."""
        question("plain 1")


@dataclass(frozen=True, slots=True)
class AskingSliced:
    """Steps, one after another: each is the name of a method of `SlicedScene`, and words for it. What came of it is an
    event, "step.done", with `error` (0: none) and what was `said`."""

    steps: tuple[str, ...] = ("ask plain 1",)
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        scene = SlicedScene(bench)
        for step in self.steps:
            word, _, rest = step.partition(" ")
            try:
                said, error = getattr(scene, word)(rest), 0
            except OSError as reason:
                said, error = "", reason.errno or errno.EIO
            bench.report("workload", "step.done", step=step, error=error, said=said)
        return lambda: bench.report("workload", "check.passed", steps=len(self.steps))


@dataclass(slots=True)
class SlicedScene:
    """The state of a run of steps, with the u-driver that they started last."""

    bench: Bench
    process: subprocess.Popen[str] | None = None

    def ask(self, words: str) -> str:
        """A question, here and now."""
        with self.bench.request("ask", question=words):
            return question(words)

    def do(self, words: str) -> str:
        """Something of `DO` that the u-driver is to do, and a number for it."""
        what, _, number = words.partition(" ")
        return self.ask(f"do {DO.index(what)} {number or 0}")

    def other(self, words: str) -> str:
        """The same, for another device."""
        what, _, number = words.partition(" ")
        return self.ask(f"other {DO.index(what)} {number or 0}")

    def outlived(self, words: str) -> str:
        """A question that ends the u-driver; there is a new one before its answer."""
        with ThreadPoolExecutor(1) as aside:
            answer = aside.submit(question, words)
            retry(end_of_udriver, timeout_s=END_S)
            self.start("")
            return answer.result(END_S)

    def stopped(self, words: str) -> str:
        """A question whose answer the u-driver sleeps over; it is stopped meanwhile, for so many seconds."""
        stop_s, _, rest = words.partition(" ")
        before = crossings()
        with ThreadPoolExecutor(1) as aside:
            answer = aside.submit(self.do, rest)
            retry(partial(has_crossed, before), timeout_s=ATTACH_S)
            pid = UDRIVER.pid()
            os.kill(pid, signal.SIGSTOP)
            time.sleep(float(stop_s))
            os.kill(pid, signal.SIGCONT)
            return answer.result(END_S)

    def patient(self, words: str) -> str:
        """A new u-driver, for which there are no deadlines."""
        UDRIVER.stop()
        retry(replace(UDRIVER, patient=True).start, timeout_s=ATTACH_S)
        return question(f"await {ATTACH_S * 1000:.0f}")

    def impatient(self, words: str) -> str:
        """There are deadlines again."""
        (UDRIVER.attributes / "patient").write_text("0")
        return ""

    def kill(self, words: str) -> str:
        """The u-driver is gone."""
        UDRIVER.stop()
        return ""

    def start(self, words: str) -> str:
        """A u-driver with these variables of its environment; it has attached. What it complains of is kept."""
        os.chown(INSTANCE, NOBODY, NOBODY)
        variables = dict(word.split("=") for word in words.split())
        self.process = subprocess.Popen(
            [UDRIVER.program], user=NOBODY, group=NOBODY, extra_groups=[], env=variables,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        UDRIVER.pidfile.write_text(str(self.process.pid))
        return question(f"await {ATTACH_S * 1000:.0f}")

    def complaint(self, words: str) -> str:
        """The last words of the u-driver that was started last, which has ended, and its exit code."""
        assert self.process
        _, said = self.process.communicate(timeout=END_S)
        return f"{self.process.returncode} {said.strip()}"

    def held(self, words: str) -> str:
        """All that is held of the kernel, once the end of the u-driver is over."""
        found: list[str] = []

        def look() -> None:
            found.append(question("held"))
            if found[-1] != words:
                raise OSError(errno.ENODATA, found[-1])

        retry(look, timeout_s=ATTACH_S)
        return found[-1]

    def log(self, words: str) -> str:
        """The kernel's last messages with one of the words in them, with their levels."""
        read = subprocess.run(["dmesg", "--raw"], capture_output=True, text=True, check=True).stdout.splitlines()
        return "\n".join(line for line in read if any(word in line for word in words.split(",")))

    def suspend(self, words: str) -> str:
        """The processes are frozen and the devices suspended, and all go on at once."""
        Path("/sys/module/suspend/parameters/pm_test_delay").write_text("0")
        Path("/sys/power/pm_test").write_text("devices")
        Path("/sys/power/state").write_text("freeze")
        return ""

    def unload(self, words: str) -> str:
        """The k-driver is gone."""
        self.bench.driver.unload()
        return ""

    def load(self, words: str) -> str:
        """A new k-driver."""
        self.bench.driver.load()
        return ""


NOBODY = 65534


def end_of_udriver() -> None:
    """Raises: OSError while there is a u-driver."""
    if UDRIVER.is_there():
        raise OSError(errno.EBUSY, "the u-driver is there")


def crossings() -> int:
    """The number of messages up to now."""
    counts = Path("/sys/kernel/debug/microdriver/sliced").read_text().split()
    return int(counts[1])


def has_crossed(before: int) -> None:
    """Raises: OSError if there were no more messages."""
    if crossings() <= before:
        raise OSError(errno.EAGAIN, "no message")


def question(words: str) -> str:
    """Ask the k-driver; what it found. Raises: OSError."""
    with NODE.open("r+b", buffering=0) as node:
        node.write(words.encode())
        return node.read().decode().strip()
