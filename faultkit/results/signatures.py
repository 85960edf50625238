"""Crash signatures: the kernel's name for a crash and its function, the same after a rebuild and in each run.

No addresses, offsets, process ids or compiler-made suffixes: the same bug has the same signature in the next build.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from faultkit.kernel_log.blame import COPY
from faultkit.kernel_log.lines import parse_line
from faultkit.model.events import Ending

NUMBER = re.compile(r"\b(?:0x[0-9a-f]+|[0-9a-f]{8,}|\d+)\b", re.IGNORECASE)
REPORT_END = "---[ end "
EXCERPT_LINES = 32
WITHOUT = ", without a report"
SILENT = frozenset(  # endings without a report, and panics that only follow from one
    {Ending.PANICKED.value, Ending.WATCHDOG.value, Ending.EXITED.value, "Fatal exception",
     "Fatal exception in interrupt", "softlockup: hung tasks"}
)  # fmt: skip


def signature(kind: str, function: str | None) -> str:
    """One line for a crash: "general protection fault in nbd_queue_rq".

    `kind` and `function` are what the judge found (`crash_kind`, `crash_function`); a kernel that named no function
    has its kind alone. A crash that the kernel said nothing about is said to be one: see `is_silent`.
    """
    if function is None and kind in SILENT:
        return kind + WITHOUT
    what = NUMBER.sub("N", " ".join(kind.split()))
    return f"{what} in {COPY.sub('', function)}" if function else what


def is_silent(name: str) -> bool:
    """True for the signature of a crash without a report: it tells no such crash from another, so none is known."""
    return name.endswith(WITHOUT) or name in SILENT


def excerpt(console: str, first_line: str) -> str:
    """The report that begins with `first_line` (as printk wrote it), without time stamps.

    Where there is no such line: the end of the console.
    """
    lines = console.splitlines()
    begins = next((at for at, line in enumerate(lines) if first_line and first_line in line), None)
    if begins is None:
        return without_stamps(lines[-EXCERPT_LINES:])
    report = lines[begins : begins + EXCERPT_LINES]
    ends = next((at for at, line in enumerate(report) if REPORT_END in line), len(report))
    return without_stamps(report[:ends])


def without_stamps(lines: Iterable[str]) -> str:
    """The lines of a console, without what printk writes before them."""
    return "\n".join(parse_line(line).text for line in lines)
