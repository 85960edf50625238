"""The end of the agent's process in a guest whose kernel lives, as the console tells of it.

The workload runs in that process: a driver that writes where it should not can kill it. The guest's shell says how it
ended, if the guest comes so far: when the process ends, its probes are taken off one by one, and the watchdog may
fire before. Then only the kernel's own line about the death is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from signal import SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGTRAP, Signals

from faultkit.model.errors import HarnessError
from faultkit.model.events import Event, Kind
from faultkit.model.received import END_OF_TIME

STAMP = r"^\[ *\d+\.\d+\] "
BY_SHELL = re.compile(STAMP + r"faultkit: the agent ended with (\d{1,3})$", re.MULTILINE)
UNFED = re.compile(STAMP + r"watchdog: watchdog0: watchdog did not stop!$", re.MULTILINE)  # its owner is gone
KILLED_BY = 128  # and a signal's number: a shell's status of a program that was killed
DEATHS: Mapping[
    Signals, str
] = {  # signal -> the line of the kernel (arch/x86/{mm/fault,kernel/traps}.c, mm/oom_kill.c)
    SIGSEGV: r"python3\[\d+\]: segfault at |traps: python3\[\d+\] general protection fault ",
    SIGILL: r"traps: python3\[\d+\] trap invalid opcode ",
    SIGFPE: r"traps: python3\[\d+\] trap divide error ",
    SIGTRAP: r"traps: python3\[\d+\] trap int3 ",
    SIGKILL: r"(?:Memory cgroup o|O)ut of memory: Killed process \d+ \(python3\)",
}


def death_of_client(console: str) -> Event | None:
    """The event of the agent's death by a signal; None if its process has not ended.

    Raises: HarnessError if it has ended in another way: that says nothing of the driver.
    """
    status = [int(found) for found in BY_SHELL.findall(console)]
    if status and status[-1] > KILLED_BY:
        return Event(END_OF_TIME, "host", Kind.GUEST_CLIENT_DIED, {"signal": status[-1] - KILLED_BY})
    if not status and not UNFED.search(console):
        return None
    for signal, line in DEATHS.items():
        if not status and re.search(STAMP + f"(?:{line})", console, re.MULTILINE):
            return Event(END_OF_TIME, "host", Kind.GUEST_CLIENT_DIED, {"signal": int(signal)})
    raise HarnessError(f"the agent's process ended before the trial was over{f', with {status[-1]}' if status else ''}")
