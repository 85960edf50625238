"""Building the halves of a microdriver, and running the user's half as an ordinary process without rights."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from select import select
from threading import Timer

from faultkit.kit import ARMING, KernelModule, Program, Tampering, run, unload_module
from microdriver.contract import contract
from microdriver.tampering import arm

HERE = Path(__file__).parent
KERNEL, USER = HERE / "kernel", HERE / "user"
NOBODY = 65534
COMM_BYTES = 15  # of a process' name that the kernel keeps


def kdriver(folder: Path, name: str) -> KernelModule:
    """A k-driver's module; its Kbuild file makes microdriver.ko, too."""
    return KernelModule(folder, name, beside=(KERNEL, ARMING))


def udriver(*sources: Path) -> Program:
    """A u-driver's program."""
    return Program((*sources, *sorted(USER.glob("*.c"))), headers=(KERNEL,))


def halves(folder: Path, name: str, program: str) -> dict[str, KernelModule | Program]:
    """The files of a microdriver: the runtime, `name`.ko, and the u-driver made of `program`.c."""
    return {
        "modules/microdriver.ko": kdriver(folder, "microdriver"),
        f"modules/{name}.ko": kdriver(folder, name),
        f"bin/{program}": udriver(folder / f"{program}.c"),
    }


def load(name: str, *, whole: bool = False) -> None:
    """Load a k-driver, and before the first of them the runtime. `whole`: which then copies objects as a whole."""
    if not Path("/sys/module/microdriver").exists():
        run("insmod", "/faultkit/modules/microdriver.ko", f"whole={int(whole)}")
    run("insmod", f"/faultkit/modules/{name}.ko")


def unload(name: str, udriver: UDriver) -> None:
    """End the u-driver, and unload its k-driver, once the workload has closed it; the runtime stays.

    A healthy u-driver would end by itself. A k-driver would wait for one that hangs; and the next k-driver would be
    taken for one that has its u-driver already.
    """
    udriver.stop()
    unload_module(name)


def unload_with(name: str, udriver: UDriver, helps_s: float) -> None:
    """Unload a k-driver whose u-driver takes part in that, and end the u-driver.

    A u-driver that hangs is ended after `helps_s`. Then the k-driver goes without its help.
    """
    late = Timer(helps_s, udriver.stop)
    late.start()
    try:
        unload_module(name)
    finally:
        late.cancel()
        late.join()
        udriver.stop()


@dataclass(frozen=True, slots=True)
class UDriver:
    """A u-driver's process: it owns its device node, and nothing else.

    `patient`: the debug mode. The kernel waits for it without deadlines, from its start on, so that it may be stopped.
    """

    program: Path
    node: Path
    patient: bool = False

    @property
    def name(self) -> str:
        """The process's name as `ps` shows it."""
        return self.program.name[:COMM_BYTES]

    @property
    def pidfile(self) -> Path:
        """Where its pid is noted."""
        return Path("/run") / f"{self.program.name}.pid"

    @property
    def attributes(self) -> Path:
        """The instance's folder in sysfs."""
        return Path(f"/sys/class/misc/microdriver-{self.node.name}")

    def start(self, **variables: str) -> None:
        """Start the process, with more variables of its environment; it attaches to its k-driver in its own time."""
        os.chown(self.node, NOBODY, NOBODY)
        if self.patient:
            (self.attributes / "patient").write_text("1")
        environment = {**os.environ, **variables}
        process = subprocess.Popen([self.program], user=NOBODY, group=NOBODY, extra_groups=[], env=environment)
        self.pidfile.write_text(str(process.pid))

    def pid(self) -> int:
        """The u-driver's process. Raises: OSError if there is none."""
        try:
            pid = int(self.pidfile.read_text())
            state = Path(f"/proc/{pid}/stat").read_text()
        except ValueError:
            raise ProcessLookupError(errno.ESRCH, f"{self.name} was not started") from None
        if f"({self.name})" not in state or state.rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError(errno.ESRCH, f"{self.name} is gone")
        return pid

    def is_there(self) -> bool:
        """True while the u-driver runs."""
        try:
            self.pid()
        except OSError:
            return False
        return True

    def tamper(self, tampering: Tampering) -> int:
        """Arm a tampering, as `faultkit.model.parts.Channelled.tamper` promises, for whichever process is attached."""
        return arm(self.node.name, contract(self.program), tampering)

    def drop_held(self) -> None:
        """Let fail what waits for a u-driver: it would keep the k-driver from being unloaded."""
        with suppress(FileNotFoundError):
            (self.attributes / "hold_ms").write_text("0")

    def stop(self) -> None:
        """Make sure that it is gone."""
        with suppress(OSError):
            pidfd = os.pidfd_open(self.pid())
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select([pidfd], [], [], 1.0)
            os.close(pidfd)
