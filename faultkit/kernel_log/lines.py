"""Lines of a kernel log, without the prefixes that consoles, dmesg and journals put before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 2048  # of a line's text; the kernel's own are shorter, and a pattern need not look at more
PREFIX = re.compile(
    r"(?:(?:\w{3} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.,+-]+) \S+ kernel: )?"  # of syslog, of a journal
    r"(?:<(?P<level>\d{1,3})>)?"
    r"(?:\[ *(?P<s>\d{1,10})\.(?P<us>\d{6})\])?"
    r"(?:\[ *(?P<caller>[TC]\d+)\])?"  # CONFIG_PRINTK_CALLER
    r"(?: kernel:)?"  # journalctl -o short-monotonic
    r" ?"
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a kernel log. `number` counts from 0, of all lines; `t_ns` is printk's time."""

    number: int
    t_ns: int | None
    level: int | None  # 0 emergency ... 7 debug
    caller: str | None  # T and a thread's number, C and a processor's
    text: str


def read_lines(log: str, *, stamped: bool = True) -> Iterator[LogLine]:
    """The lines of a log that bear printk's time; all lines, if not `stamped`. Never raises."""
    for number, raw in enumerate(log.split("\n")):
        line = parse_line(raw, number)
        if line.t_ns is not None or not stamped:
            yield line


def parse_line(raw: str, number: int = 0) -> LogLine:
    """One line. A line without any prefix is all text."""
    found = PREFIX.match(raw)
    if found is None:
        return LogLine(number, None, None, None, raw[:LONGEST])
    level, seconds, us, caller = found.group("level", "s", "us", "caller")
    bare = level is None and seconds is None and not found.group().endswith("kernel: ")
    return LogLine(
        number,
        int(seconds) * 10**9 + int(us) * 1000 if seconds else None,
        int(level) & 7 if level else None,
        caller,
        raw[0 if bare else found.end() :].rstrip("\r")[:LONGEST],
    )
