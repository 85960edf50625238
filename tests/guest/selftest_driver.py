"""A microdriver that asks its runtime for everything. A module of its own: it travels as a file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import ClassVar

from faultkit.kit import Bench, Check, KernelModule, Program, Tampering, retry, unload_module
from microdriver import Microdriver, UDriver, halves
from microdriver.udriver import NOBODY, udriver

MODULE = "selftest_micro"
SOURCES = Path(__file__).parent / MODULE
NODE = Path("/dev/mdrv_selftest")
INSTANCES = tuple(Path("/dev/microdriver") / name for name in ("st0", "st1"))
UDRIVER = UDriver(Path("/faultkit/bin/st_u"), INSTANCES[0])
LIAR, MAPPER = (Path("/faultkit/bin") / name for name in ("st_liar", "st_mapper"))
ATTACH_S = 2.0
END_S = 5.0
TURN_S = 0.05  # for others to come as far as they can


@dataclass(frozen=True, slots=True)
class Selftest(Microdriver):
    """Two instances without a device; `/dev/mdrv_selftest` asks questions about them."""

    MODULE: ClassVar = MODULE
    UDRIVER: ClassVar = UDRIVER

    def files(self) -> Mapping[str, KernelModule | Program]:
        return halves(SOURCES, MODULE, "st_u") | {
            f"bin/{program.name}": udriver(SOURCES / f"{program.name}.c") for program in (LIAR, MAPPER)
        }

    def unload(self) -> None:
        """The u-driver stays: the k-driver must be able to go without its help."""
        unload_module(MODULE)

    def attach(self) -> None:
        retry(self.probe, timeout_s=ATTACH_S)

    def probe(self) -> None:
        """One upcall."""
        question("plain 1")


@dataclass(frozen=True, slots=True)
class Asking:
    """Steps, one after another: each is the name of a method of `Scene`, and words for it. What came of it is an event,
    "step.done", with `error` (0: none) and what was `said`."""

    steps: tuple[str, ...] = ("ask plain 1",)
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        scene = Scene(bench)
        for step in self.steps:
            word, _, rest = step.partition(" ")
            try:
                said, error = getattr(scene, word)(rest), 0
            except OSError as reason:
                said, error = "", reason.errno or errno.EIO
            bench.report("workload", "step.done", step=step, error=error, said=said)
        return lambda: bench.report("workload", "check.passed", steps=len(self.steps))


@dataclass(slots=True)
class Aside:
    """A question that is asked in a thread of its own."""

    text: str
    answer: str = ""
    error: OSError | None = None

    def run(self) -> None:
        try:
            self.answer = question(self.text)
        except OSError as reason:
            self.error = reason


@dataclass(slots=True)
class Scene:
    """The state of a run of steps, with the threads that they have started."""

    bench: Bench
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    aside: list[tuple[Aside, Thread]] = field(default_factory=list)
    armed: list[int] = field(default_factory=list)  # file descriptors of tamperings

    def ask(self, words: str) -> str:
        """A question, here and now."""
        with self.bench.request("ask", question=words):
            return question(words)

    def until(self, words: str) -> str:
        """A question, over and over until what is found has the first of the words in it. Raises: OSError if never."""
        wanted, _, asked = words.partition(" ")
        found: list[str] = []

        def look() -> None:
            found.append(question(asked))
            if wanted not in found[-1]:
                raise OSError(errno.ENODATA, f"not {wanted}, but {found[-1]}")

        retry(look, timeout_s=ATTACH_S)
        return found[-1]

    def ask_aside(self, words: str) -> str:
        """A question, in another thread."""
        asked = Aside(words)
        self.aside.append((asked, in_thread(asked.run)))
        time.sleep(TURN_S)
        return ""

    def answered(self, words: str) -> str:
        """The answer to the first question asked aside. Raises: its OSError, TimeoutError if there is none yet."""
        asked, thread = self.aside.pop(0)
        thread.join(END_S)
        if thread.is_alive():
            raise TimeoutError(errno.ETIME, "no answer")
        if asked.error:
            raise asked.error
        return asked.answer

    def start(self, words: str) -> str:
        """A u-driver with these arguments; it has attached."""
        self.begin(UDRIVER.program, *words.split())
        UDRIVER.pidfile.write_text(str(self.started[-1].pid))
        return question(f"await {ATTACH_S * 1000:.0f}")

    def lie(self, words: str) -> str:
        """The u-driver is replaced by one that lies."""
        UDRIVER.stop()
        self.begin(LIAR, words)
        return ""

    def map(self, words: str) -> str:
        """Replace the u-driver by one that clings to the registers; it has attached."""
        UDRIVER.stop()
        self.begin(MAPPER, words)
        return question(f"await {ATTACH_S * 1000:.0f}")

    def kill_first(self, words: str) -> str:
        """Kill the program that was started first."""
        self.started[0].kill()
        return str(self.started[0].wait(END_S))

    def begin(self, program: Path, *words: str) -> None:
        """Start a program that may open the instances, and nothing else."""
        for node in INSTANCES:
            os.chown(node, NOBODY, NOBODY)
        self.started.append(subprocess.Popen([program, *words], user=NOBODY, group=NOBODY, extra_groups=[]))

    def end(self, words: str) -> str:
        """Wait for the one that was started last to end by itself; its exit code."""
        try:
            return str(self.started[-1].wait(END_S))
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIME, "it goes on") from None

    def delay(self, words: str) -> str:
        """Each answer of the u-driver arrives so many milliseconds later, to the end."""
        late = Tampering(action="delay", direction="return", times=0, delay_s=float(words) / 1000)
        self.armed.append(UDRIVER.tamper(late))
        return ""

    def kill(self, words: str) -> str:
        """The u-driver is gone."""
        UDRIVER.stop()
        return ""

    def stop(self, words: str) -> str:
        """The u-driver stays, and does nothing any more."""
        os.kill(UDRIVER.pid(), signal.SIGSTOP)
        return ""

    def unload(self, words: str) -> str:
        """The k-driver is gone."""
        self.bench.driver.unload()
        return ""

    def load(self, words: str) -> str:
        """A new k-driver."""
        self.bench.driver.load()
        return ""

    def interrupted(self, words: str) -> str:
        """A process that asks is killed meanwhile; whether it was gone within `END_S`."""
        asker = subprocess.Popen(["sh", "-c", f"echo {words} > {NODE}"])
        time.sleep(TURN_S)
        asker.kill()
        try:
            return str(asker.wait(END_S))
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIME, "it goes on") from None

    def held(self, words: str) -> str:
        """The k-driver's resources by the kernel: interrupts, blocks of DMA memory, registrations."""
        interrupts = Path("/proc/interrupts").read_text().count("mdrv_selftest")
        pool = Path("/sys/devices/platform/mdrv_selftest/pools").read_text().splitlines()[1].split()
        made = Path("/sys/class/misc/mdrv_selftest_made").exists()
        return f"irqs={interrupts} dma={pool[1]} registered={made:d}"

    def blocked(self, words: str) -> str:
        """The tasks that cannot be interrupted, now and a little later."""
        before = uninterruptible()
        time.sleep(TURN_S)
        return " ".join(sorted(before & uninterruptible()))

    def counts(self, words: str) -> str:
        """The runtime's."""
        return " ".join(Path("/sys/kernel/debug/microdriver/st0").read_text().split())

    def set(self, words: str) -> str:
        """A parameter of the runtime's module."""
        name, value = words.split()
        Path("/sys/module/microdriver/parameters", name).write_text(value)
        return ""


def question(words: str) -> str:
    """Ask the k-driver; what it found. Raises: OSError."""
    with NODE.open("r+b", buffering=0) as node:
        node.write(words.encode())
        return node.read().decode().strip()


def uninterruptible() -> set[str]:
    """The names of tasks in state D."""
    stats = []
    for path in Path("/proc").glob("[0-9]*/task/*/stat"):
        with suppress(OSError):
            stats.append(path.read_text())
    return {stat[stat.index("(") + 1 : stat.rindex(")")] for stat in stats if stat.rpartition(")")[2].split()[0] == "D"}


def in_thread(work: Callable[[], None]) -> Thread:
    """Start a thread that nobody has to wait for."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread
