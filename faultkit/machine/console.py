"""What a kernel said of its own failure: console text -> events.

Times are printk's plus its lag behind CLOCK_MONOTONIC, as measured at the freeze.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from faultkit.model.events import Event, Kind

LINE = re.compile(r"^(?:<\d+>)?\[ *(\d+)\.(\d{6})\](?:\[[^\]]*\])? (.*)$", re.MULTILINE)
FUNCTION = r"(?P<function>[\w.]+)\+(?P<offset>0x[0-9a-f]+)/0x[0-9a-f]+(?: \[(?P<module>\w+)\])?"
WHERE = re.compile(rf"RIP: 0010:(?:0x[0-9a-f]+|{FUNCTION})")
FRAME = re.compile(rf"^ {FUNCTION}")  # one that the unwinder vouches for: others have a question mark
OOPS = (
    r"BUG: unable to handle (page fault)|BUG: (kernel NULL pointer dereference)|Oops: ([\w -]+?):|kernel (BUG) at",
    r"(general protection fault)|(invalid opcode)|(stack segment|double fault|divide error|int3)",
)
LOCKUP = r"watchdog: BUG: (soft lockup)|(hard LOCKUP)|(rcu\w*) .*(?:stall|starved)"
WARN = r"WARNING: CPU: \d+ PID: \d+ at (\S+)|BUG: (KFENCE.*)|(BUG \S+ .*)"
KINDS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (Kind.KERNEL_LOCKUP, LOCKUP),  # before the oops that it also looks like
        (Kind.KERNEL_OOPS, "|".join(OOPS)),
        (Kind.KERNEL_WARN, WARN),
        (Kind.KERNEL_PANIC, r"Kernel panic - not syncing: (.*)"),
        (Kind.KERNEL_HUNG_TASK, r"INFO: task (\S+) blocked for more than"),
    )
)


def events(console: str, lag_ns: int = 0) -> Iterator[Event]:
    """`kernel.oops`, `.lockup`, `.warn`, `.panic` and `.hung_task`, with the function and offset that each names.

    An oops prints several lines that each look like one; those that follow within one report are left out.
    """
    lines = [(int(s) * 10**9 + int(us) * 1000 + lag_ns, text) for s, us, text in LINE.findall(console)]
    reported = False
    for at, (t_ns, text) in enumerate(lines):
        if "---[ end " in text:
            reported = False
        kind, what = classify(text)
        if kind is None or (reported and kind in (Kind.KERNEL_OOPS, Kind.KERNEL_WARN)):
            continue
        reported = reported or kind in (Kind.KERNEL_OOPS, Kind.KERNEL_WARN)
        yield Event(
            t_ns, "kernel", kind, {"what": what, **place(text for _, text in lines[at : at + 40]), "text": text}
        )


def classify(text: str) -> tuple[str | None, str]:
    """The kind of a line, and what it says was wrong."""
    for kind, pattern in KINDS:
        if found := pattern.search(text):
            return kind, next((group for group in found.groups() if group), "")
    return None, ""


def place(lines: Iterator[str]) -> dict[str, Any]:
    """The function, offset and module that the report's first RIP names.

    If that lies in no function, as after a call through a NULL pointer: the caller, the first frame of the call trace.
    """
    pattern = WHERE
    for text in lines:
        if "---[ end " in text:
            break
        if found := pattern.search(text):
            if found["function"]:
                return {"function": found["function"], "offset": found["offset"], "module": found["module"]}
            pattern = FRAME
    return {}
