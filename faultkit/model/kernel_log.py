"""The signs of trouble in a line of the kernel's log, for the guest's monitor, the host and the report."""

from __future__ import annotations

import re

from faultkit.model.events import Kind

LOCKUP = r"watchdog: BUG: (soft lockup)|(hard LOCKUP)|(rcu\w*) .*(?:stall|starved)"
OOPS = (
    r"BUG: unable to handle (page fault)|BUG: (kernel NULL pointer dereference)|Oops: ([\w -]+?):|kernel (BUG) at|"
    r"(general protection fault)|(invalid opcode)|(stack segment|double fault|divide error|int3)"
)
PANIC = r"Kernel panic - not syncing: (.*)"
HUNG_TASK = r"INFO: task (\S+) blocked for more than"
WARN = r"WARNING: CPU: \d+ PID: \d+ at (\S+)|BUG: (.+)|(BUG \S+ .*)"  # also of KFENCE, and of the slab's checks
SIGNS = (  # the first that fits counts: a lockup looks like an oops, and an oops like a warning
    (Kind.KERNEL_LOCKUP, re.compile(LOCKUP)),
    (Kind.KERNEL_OOPS, re.compile(OOPS)),
    (Kind.KERNEL_PANIC, re.compile(PANIC)),
    (Kind.KERNEL_HUNG_TASK, re.compile(HUNG_TASK)),
    (Kind.KERNEL_WARN, re.compile(WARN)),
)
ANY = re.compile("|".join((LOCKUP, OOPS, PANIC, HUNG_TASK, WARN)))


def classify(text: str) -> tuple[Kind | None, str]:
    """The kind of trouble that a line tells of, and its name there; None if there is none."""
    for kind, sign in SIGNS:
        if found := sign.search(text):
            return kind, next((group for group in found.groups() if group), "")
    return None, ""


def is_trouble(text: str) -> bool:
    """Report whether a line tells of an oops, a lockup, a panic, a hung task or a warning."""
    return ANY.search(text) is not None
