"""Events from the text that a kernel writes to its console about its own failure.

Times are printk's plus its lag behind CLOCK_MONOTONIC, as measured at the freeze.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from faultkit.model.events import Event, Kind
from faultkit.model.kernel_log import classify

LINE = re.compile(r"^(?:<\d+>)?\[ *(\d+)\.(\d{6})\](?:\[[^\]]*\])? (.*)$", re.MULTILINE)
FUNCTION = r"(?P<function>[\w.]+)\+(?P<offset>0x[0-9a-f]+)/0x[0-9a-f]+(?: \[(?P<module>\w+)\])?"
WHERE = re.compile(rf"RIP: 0010:(?:0x[0-9a-f]+|{FUNCTION})")
FRAME = re.compile(rf"^ {FUNCTION}")  # one that the unwinder vouches for: others have a question mark


def kernel_events(console: str, lag_ns: int = 0) -> Iterator[Event]:
    """`kernel.oops`, `.lockup`, `.warn`, `.panic` and `.hung_task`, with the function and offset that each names.

    An oops prints several lines that each look like one; those that follow within one report are left out.
    """
    lines = [(int(s) * 10**9 + int(us) * 1000 + lag_ns, text) for s, us, text in LINE.findall(console)]
    reported: Kind | None = None  # the report that has begun
    for at, (t_ns, text) in enumerate(lines):
        if "---[ end " in text:
            reported = None
        kind, what = classify(text)
        if kind is None or kind is reported or (kind is Kind.KERNEL_WARN and reported is Kind.KERNEL_OOPS):
            continue
        if kind in (Kind.KERNEL_OOPS, Kind.KERNEL_WARN):
            reported = kind
        yield Event(
            t_ns, "kernel", kind, {"what": what, **place(text for _, text in lines[at : at + 40]), "text": text}
        )


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
