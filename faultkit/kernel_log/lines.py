"""Lines of a kernel log, without the prefixes that consoles, dmesg and journals put before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 2048  # of a line's text; the kernel's own are shorter, and a pattern need not look at more
DAY = r"(?:\w{3} )?\w{3} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?"  # of syslog, of a journal, with weekday and year or not
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.,]+(?:Z|[+-]\d\d:?\d\d)?"
PREFIX = re.compile(
    r"(?:(?P<by_reader>"
    rf"(?:{DAY}|{ISO}) (?:\S+ ){{0,2}}kernel: |{ISO} |"  # host and facility are not always there
    rf"\[{DAY}\] |"  # dmesg -T
    r"[a-z]+ *:[a-z]+ *: |"  # dmesg -x
    r" ?kernel: ?|"  # what a terminal shows of an emergency
    r"(?P<of_kmsg>\d{1,4}),\d+,(?P<at_us>\d{1,18}),[^;]{0,80};"  # /dev/kmsg
    r"))?"
    r"(?P<by_kernel>"
    r"(?:<(?P<level>\d{1,3})>)?"
    r"(?:\[? *(?P<s>\d{1,10})\.(?P<us>\d{6})?\])?"
    r"(?:\[ *(?P<caller>[TC]\d+)\])?"  # CONFIG_PRINTK_CALLER
    r"(?: kernel:)?"  # journalctl -o short-monotonic
    r"(?: ?\[pid:\d+,cpu\d+,[^\]]{1,64}\])?"  # kernels of some vendors
    r")"
)
STAMP = re.compile(r"(?:<\d{1,3}>)?\[ *\d{1,10}\.\d{6}\]")
FARTHEST = 120  # that a time stamp may be from the line's start, behind what somebody else wrote on the console


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
    if found and not found["s"] and not found["at_us"] and (later := STAMP.search(raw, 0, FARTHEST)):
        found = PREFIX.match(raw, later.start())
    if found is None:
        return LogLine(number, None, None, None, raw[:LONGEST])
    level, begins = found["level"] or found["of_kmsg"], found.end()
    if not found["by_kernel"]:
        begins = found.end("by_reader") if found["by_reader"] else 0
    elif raw.startswith(" ", begins):
        begins += 1
    return LogLine(
        number, time_of(found), int(level) & 7 if level else None, found["caller"],
        raw[begins:].rstrip("\r")[:LONGEST],
    )  # fmt: skip


def time_of(found: re.Match[str]) -> int | None:
    """printk's time in a prefix, in ns; None if there is none."""
    seconds, us = found.group("s", "us")
    if seconds:
        return int(seconds) * 10**9 + int(us or 0) * 1000
    return int(found["at_us"]) * 1000 if found["at_us"] else None
