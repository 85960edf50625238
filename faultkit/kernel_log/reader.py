"""Reports in a kernel log: each with its kind, its first and last line, its call trace, and the function to blame.

Pure, and safe for any text: the time is linear in the text, and a report that is cut off is told as far as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from faultkit.kernel_log.blame import Frame, frame_in, named_in, place_in, to_blame
from faultkit.kernel_log.kinds import DIE, PRELUDES, Severity, Sign, prelude_of, sign_of
from faultkit.kernel_log.lines import LogLine, parse_line, read_lines

RIP = re.compile(  # e030: of a kernel that runs under Xen
    r"^RIP: (?:0010|e030):(?:(?P<nowhere>0x[0-9a-f]+)|\S)|^pc : |^PC is at |^NIP \[|^epc : [A-Za-z_]"
)
ACQUIRED = re.compile(
    r"^\S.*, at: |^\s*\([^)]*\).*, at: "
)  # lockdep: the lock that was asked for, then one that is held
END = "---[ end "
RULE = re.compile(r"={20,}$")  # around reports of the sanitizers
OTHERS = re.compile(
    r"(?:[Aa]llocated|[Ff]reed) by |kfence-#|Last potentially|Second to last potentially"
)  # their traces
MOST_LINES = 400  # of one report: what follows is not its own
PRELUDE_LINES = 4  # at most, from the line that announces a report to its first
OTHER_LINES = 8  # in a row that are no part of a report: it has ended
MOST_FRAMES = 64

NAMING = ("workqueue", "interrupt")  # kinds of reports that name the function to blame
FRAMED = ("kasan", "kfence", "kcsan", "kmsan")  # those that a rule ends

PARTS = re.compile(  # lines that a report goes on with
    r"\s|"
    r"CPU: |UID: |Tainted: |Hardware name: |RIP: |Code: |[RE][A-Z]{2}: |R\d\d: |CR\d: |DR\d: |FS: |CS: |PKRU: |"
    r"PGD |#PF: |Oops: |Call Trace|Modules linked in|Workqueue: |task:|stack backtrace|irq event stamp|"
    r"(?:hard|soft)irqs last |Allocated by |Freed by |The buggy address|page: |page dumped because|raw: |flags: |"
    r"Memory state |which belongs to|Object |Redzone |Padding |Slab |FIX |Disabling lock debugging|Sending NMI|"
    r"NMI backtrace|rcu: |handlers:|\[<|Disabling IRQ|kfence-#|allocated by|freed by|original|write to |read to |"
    r"value changed|Mem-Info|Node |active_anon|\"echo |Showing |Preemption disabled|in_atomic|preempt_count|"
    r"RCU nest|INFO: lockdep is turned off|lockdep_|swapper|addr:|file:|BUG: Bad |kernel tried |BUG: unable|\*pde|"
    r"PTE|Oops|The |other info|Possible |the existing|but |\d+ locks? held|no locks held|Uninit |Local variable |"
    r"Bytes |-> |[0-9a-f]{16} \(|\(&?\w|PC is at |LR is at |NIP|LR \[|epc : "
)


@dataclass(frozen=True, slots=True)
class Report:
    """One report of trouble.

    `title` is the kernel's name for it; `text` its first line. `function`, `offset` and `module` are to blame: that of
    the place where the kernel stopped, or its first caller that is no helper. `first` and `last` are numbers of lines.
    """

    kind: str
    severity: Severity
    title: str
    text: str
    t_ns: int | None
    first: int
    last: int
    trace: tuple[Frame, ...] = ()
    blamed: Frame | None = None

    @property
    def function(self) -> str | None:
        """The function to blame."""
        return self.blamed.function if self.blamed else None

    @property
    def offset(self) -> str | None:
        """The offset into the function to blame, hexadecimal."""
        return self.blamed.offset if self.blamed else None

    @property
    def module(self) -> str | None:
        """The module of the function to blame; None for the kernel itself."""
        return self.blamed.module if self.blamed else None


@dataclass(slots=True)
class Open:
    """A report that is being read."""

    sign: Sign
    title: str
    line: LogLine
    last: int
    place: Frame | None = None
    sought: bool = True  # the place where the kernel stopped is still to come
    died: bool = False  # the line of die() was there
    frames: list[Frame] = field(default_factory=list)
    traced: bool = False  # the first call trace has ended
    others: int = 0  # lines in a row that are no part of it

    @property
    def patience(self) -> int:
        """How many lines in a row may be no part of it: the killer of processes lists all memory."""
        return MOST_LINES if self.sign.kind == "out of memory" else OTHER_LINES

    def add(self, line: LogLine) -> None:
        """Take in the next line."""
        self.last, self.others = line.number, 0
        text = line.text
        self.died = self.died or DIE.match(text) is not None
        if self.sought and (RIP.match(text) or text.startswith("WARNING: CPU: ")):
            self.place, self.sought = place_in(text), False
        elif self.sign.kind in NAMING and (named := named_in(text)):
            self.place, self.sought = self.place or named, False
        elif self.sign.kind == "lockdep" and self.sought and ACQUIRED.match(text):
            self.place, self.sought = place_in(text), False
        elif self.sign.kind == "lockdep" and text.startswith("stack backtrace:"):
            self.frames.clear()  # of those who took the locks before
        elif text.startswith("Call Trace:") and self.sign.kind == "slab":
            self.frames.clear()  # of those who allocated and freed the object
        elif text.startswith(" </IRQ>") and self.sign.severity is Severity.LOCKUP:
            self.frames.clear()  # of the interrupt that looked
        elif text.startswith(" </TASK>") or OTHERS.match(text):
            self.traced = True
        elif not self.traced and len(self.frames) < MOST_FRAMES and (frame := frame_in(text)):
            self.frames.append(frame)

    def report(self) -> Report:
        """The report as far as it was read."""
        blamed = None if self.sign.severity is Severity.PANIC and not self.place else to_blame(self.place, self.frames)
        return Report(
            kind=self.sign.kind, severity=self.sign.severity, title=self.title, text=self.line.text,
            t_ns=self.line.t_ns, first=self.line.number, last=self.last, trace=tuple(self.frames), blamed=blamed,
        )  # fmt: skip


def is_trouble(text: str) -> bool:
    """Report whether a line, with or without its prefixes, begins a report."""
    return sign_of(parse_line(text).text) is not None


def read_log(log: str, *, stamped: bool = True) -> list[Report]:
    """All reports of a log, in order of their first lines.

    `stamped`: lines without printk's time are not the kernel's, and are left out.
    """
    return list(read_reports(read_lines(log, stamped=stamped)))


def read_reports(lines: Iterable[LogLine]) -> Iterator[Report]:
    """The reports in these lines."""
    current: Open | None = None
    announced: tuple[Sign, str, LogLine] | None = None
    for line in lines:
        if current and ends(line.text, current):
            current.last = line.number
            yield current.report()
            announced = (current.sign, current.title, line) if current.sign.kind == "fortify" else None
            current = None
            continue
        if current and (line.number - current.line.number > MOST_LINES or current.others > current.patience):
            yield current.report()
            current = None
        if current and told_late(line, current):
            current.add(line)
            continue
        if prelude := prelude_of(line.text):
            announced = (prelude[0], prelude[1]["what"], line)
        elif announced and line.number - announced[2].number > PRELUDE_LINES:
            announced = None
        found = sign_of(line.text)
        if found and not (current and belongs(found, line, current)):
            if current:
                yield current.report()
            current = begun(*found, line, announced)
            announced = None
        elif current and (found or PARTS.match(line.text) or frame_in(line.text)):
            current.add(line)
        elif current:
            current.others += 1
    if current:
        yield current.report()


def begun(sign: Sign, found: re.Match[str], line: LogLine, announced: tuple[Sign, str, LogLine] | None) -> Open:
    """The report that begins with this line; a line before it may have announced its kind."""
    groups = found.groupdict()
    title = ": ".join(filter(None, ((groups.get("what") or sign.kind).strip(), groups.get("more"))))
    where = place_in(groups.get("where") or "") or (place_in(line.text) if sign.kind in ("warning", "panic") else None)
    if announced and sign.kind in ("bug", "warning"):
        sign = Sign(announced[0].kind, sign.severity, sign.pattern)
        title = announced[1]
    died = DIE.match(line.text) is not None
    return Open(sign, title, line, line.number, place=where, sought=where is None, died=died)


def told_late(line: LogLine, current: Open) -> bool:
    """Give a warning its kind, if this line names it: right behind the first line, as some architectures print it."""
    if current.sign.kind != "warning" or line.number != current.line.number + 1:
        return False
    found = prelude_of(line.text) or sign_of(line.text)
    if found is None or not (found[0] in PRELUDES or found[0].kind == "transmit timeout"):
        return False
    current.sign = Sign(found[0].kind, current.sign.severity, found[0].pattern)
    current.title = found[1]["what"]
    return True


def belongs(found: tuple[Sign, re.Match[str]], line: LogLine, current: Open) -> bool:
    """Report whether a line that could begin a report is part of the one that is being read."""
    sign, mine = found[0], current.sign
    if mine.severity is Severity.OOPS:
        dies = sign.severity is Severity.OOPS and DIE.match(line.text) is not None and not current.died
        return dies or sign.severity is Severity.WARNING
    if mine.kind == "slab":  # mm/slub.c warns when it has told all
        return sign.kind == "warning" and found[1]["what"].startswith("mm/slub.c:")
    if mine.kind in ("transmit timeout", "dentry") and sign.kind == "warning":
        return line.number - current.line.number < PRELUDE_LINES
    goes_on = mine.kind == sign.kind and mine.kind in ("rcu stall", "out of memory")
    return goes_on and "INFO: " not in line.text and "invoked" not in line.text


def ends(text: str, current: Open) -> bool:
    """Report whether a line is the last of a report."""
    if END in text:
        return True
    return current.sign.kind in FRAMED and RULE.match(text) is not None
