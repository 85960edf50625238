"""What a kernel said of its own failure: console text -> events.

Times are printk's plus its lag behind CLOCK_MONOTONIC, as measured at the freeze.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from faultkit.model import Event

LINE = re.compile(r"^(?:<\d+>)?\[ *(\d+)\.(\d{6})\](?:\[[^\]]*\])? (.*)$", re.MULTILINE)
WHERE = re.compile(
    r"RIP: 0010:(?:0x[0-9a-f]+|(?P<function>[\w.]+)\+(?P<offset>0x[0-9a-f]+)/0x[0-9a-f]+(?: \[(?P<module>\w+)\])?)"
)
KINDS = (
    ("kernel.oops", re.compile(r"BUG: unable to handle (?P<what>page fault)|BUG: (?P<null>kernel NULL pointer dereference)"
                               r"|Oops: (?P<code>[\w -]+?):|kernel (?P<bug>BUG) at|(?P<gp>general protection fault)"
                               r"|(?P<op>invalid opcode)|(?P<stack>stack segment|double fault|divide error|int3)")),
    ("kernel.lockup", re.compile(r"watchdog: BUG: (?P<soft>soft lockup)|(?P<hard>hard LOCKUP)|(?P<rcu>rcu\w*) .*(?:stall|starved)")),
    ("kernel.warn", re.compile(r"WARNING: CPU: \d+ PID: \d+ at (?P<file>\S+)|BUG: (?P<kfence>KFENCE.*)|(?P<slab>BUG \S+ .*)")),
    ("kernel.panic", re.compile(r"Kernel panic - not syncing: (?P<what>.*)")),
    ("kernel.hung_task", re.compile(r"INFO: task (?P<what>\S+) blocked for more than")),
)  # fmt: skip


def events(console: str, lag_ns: int = 0) -> Iterator[Event]:
    """`kernel.oops`, `.lockup`, `.warn`, `.panic` and `.hung_task`, with function and offset where RIP was printed.

    An oops prints several lines that each look like one; those that follow within one report are left out.
    """
    lines = [(int(s) * 10**9 + int(us) * 1000 + lag_ns, text) for s, us, text in LINE.findall(console)]
    reported = False
    for at, (t_ns, text) in enumerate(lines):
        if "---[ end " in text:
            reported = False
        kind, what = classify(text)
        if kind is None or (reported and kind in ("kernel.oops", "kernel.warn")):
            continue
        reported = reported or kind in ("kernel.oops", "kernel.warn")
        yield Event(
            t_ns, "kernel", kind, {"what": what, **place(text for _, text in lines[at : at + 40]), "text": text}
        )


def classify(text: str) -> tuple[str | None, str]:
    """The kind of a line, and what it says was wrong."""
    soft = KINDS[1][1].search(text)
    if soft:
        return KINDS[1][0], next(group for group in soft.groups() if group)
    for kind, pattern in KINDS:
        if found := pattern.search(text):
            return kind, next((group for group in found.groups() if group), "")
    return None, ""


def place(lines: Iterator[str]) -> dict[str, Any]:
    """The function, offset and module that the report's first RIP names."""
    for text in lines:
        if "---[ end " in text:
            break
        if found := WHERE.search(text):
            return {"function": found["function"], "offset": found["offset"], "module": found["module"]}
    return {}
