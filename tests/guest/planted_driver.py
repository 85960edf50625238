"""A sliced driver with bugs, and tools that find them in its u-driver. A module of its own: it travels as a file."""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, Check, KernelModule, Program, made_by, retry
from microdriver import Microdriver, UDriver

MODULE = "planted"
SOURCES = Path(__file__).parent / MODULE
UDRIVER = UDriver(Path("/faultkit/bin/planted_u"), Path("/dev/microdriver/planted"), patient=True)
ATTACH_S = 5.0
TOOL_S = 120.0  # tools are slow under emulation
SCRIPT = Path("/faultkit/replaced.py")
SCRATCH = Path("/tmp/planted")
NOBODY = 65534
EDU, NIC = "0x1234", "0x10ec"  # vendors


@dataclass(frozen=True, slots=True)
class Planted(Microdriver):
    """QEMU's edu with a driver that the slicer cuts."""

    MODULE: ClassVar = MODULE
    UDRIVER: ClassVar = UDRIVER
    ANSWER_S: ClassVar = ATTACH_S

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ("-device", "edu", "-device", "rtl8139")

    def files(self) -> Mapping[str, Path | KernelModule | Program]:
        made = made_by("slicer.build:shipped_for_tools", str(SOURCES), "atomic")
        return {**made, "replaced.py": SOURCES / "replaced.py"}

    def probe(self) -> None:
        """One upcall."""
        show("none")


@dataclass(frozen=True, slots=True)
class Tooling:
    """Tools, one after another: each is the name of a method. What a tool said is an event, "step.done"."""

    steps: tuple[str, ...] = ("plain",)
    deadline_s: float = 400.0
    late_s: float = 30.0

    def run(self, bench: Bench) -> Check:
        SCRATCH.mkdir(mode=0o777, exist_ok=True)
        SCRATCH.chmod(0o777)
        for step in self.steps:
            word, _, rest = step.partition(" ")
            try:
                said, error = getattr(self, word)(rest), 0
            except OSError as reason:
                said, error = "", reason.errno or errno.EIO
            bench.report("workload", "step.done", step=step, error=error, said=said)
        return lambda: bench.report("workload", "check.passed", steps=len(self.steps))

    def plain(self, bug: str) -> str:
        """No tool: a bug shows itself, or none."""
        show(bug or "none")
        return ""

    def nic(self, bug: str) -> str:
        """The same by the device that has ports; the numbers that came of it."""
        show(bug, NIC)
        return numbers()

    def gdb(self, bug: str) -> str:
        """The debugger is attached while a bug shows itself, and tells where that was."""
        command = ["gdb", "-q", "-nx", "-batch", "-p", str(UDRIVER.pid()), "-ex", "continue", "-ex", "backtrace 3"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as debugger:
            retry(is_traced, timeout_s=TOOL_S)
            with suppress(OSError):
                show(bug)
            said, _ = debugger.communicate(timeout=TOOL_S)
        return said

    def python(self, bug: str) -> str:
        """A function is replaced by one in Python while a bug shows itself, twice; the numbers that came of it."""
        command = ["gdb", "-q", "-nx", "-batch", "-p", str(UDRIVER.pid()), "-x", SCRIPT]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as debugger:
            retry(is_traced, timeout_s=TOOL_S)
            show(bug)
            show(bug)
            UDRIVER.stop()
            debugger.communicate(timeout=TOOL_S)
        return numbers()

    def perf(self, bug: str) -> str:
        """The profiler watches the u-driver while a bug shows itself; its report of functions."""
        data = SCRATCH / "perf.data"
        shown = f"echo {bug} > {bug_file()}"
        run = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "200", "-o", data, "-p", str(UDRIVER.pid()), "--"]
        subprocess.run([*run, "sh", "-c", shown], check=True, timeout=TOOL_S)
        report = ["perf", "report", "--stdio", "-q", "-i", data, "--sort", "symbol"]
        return subprocess.run(report, capture_output=True, text=True, check=True, timeout=TOOL_S).stdout

    def valgrind(self, bug: str) -> str:
        """A new u-driver that memcheck runs, while a bug shows itself; all that it found."""
        UDRIVER.stop()
        log = SCRATCH / "valgrind.log"
        command = ["valgrind", f"--log-file={log}", UDRIVER.program]
        with subprocess.Popen(command, user=NOBODY, group=NOBODY, extra_groups=[], cwd=SCRATCH) as checked:
            retry(Planted().probe, timeout_s=TOOL_S)
            show(bug)
            checked.terminate()
            checked.wait(TOOL_S)
        return log.read_text()


def bug_file(vendor: str = EDU) -> Path:
    """The file of a device. Raises: OSError while none of that vendor is bound."""
    for found in Path("/sys/bus/pci/drivers/planted").glob("0*/bug"):
        if found.with_name("vendor").read_text().strip() == vendor:
            return found
    raise OSError(errno.ENODEV, "no device is bound")


def numbers() -> str:
    """The numbers that the driver has printed."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    return " ".join(re.findall(r"planted \S+: number (\d+)$", log, re.MULTILINE))


def show(bug: str, vendor: str = EDU) -> None:
    """Let a bug show itself. Raises: OSError."""
    bug_file(vendor).write_text(bug)


def is_traced() -> None:
    """Raises: OSError until a debugger is attached, and has let the u-driver run on."""
    lines = Path(f"/proc/{UDRIVER.pid()}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    if status["TracerPid"] == "0" or status["State"].startswith("t"):
        raise OSError(errno.EAGAIN, "it is not traced, or stopped")
