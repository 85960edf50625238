"""The kinds of reports: the first line of each, as the kernel's sources print it.

A pattern fits from the line's first character on: a driver's own message begins with the driver's name. Sources are of
Linux 6.12; formats of 6.1 to 6.18 that differ stand beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The harm that a report tells of."""

    OOPS = "oops"  # the kernel stopped a thread in its tracks
    LOCKUP = "lockup"  # a processor, or RCU, makes no progress
    PANIC = "panic"  # the kernel stopped itself
    HUNG_TASK = "hung_task"  # a task has waited for long
    WARNING = "warning"  # something is wrong, and the kernel goes on


@dataclass(frozen=True, slots=True)
class Sign:
    """A kind of report. The pattern's group `what` is the title; without one, the kind is."""

    kind: str
    severity: Severity
    pattern: re.Pattern[str]


def sign(kind: str, severity: Severity, pattern: str) -> Sign:
    """A kind with its pattern, which must fit from the line's start."""
    return Sign(kind, severity, re.compile(pattern))


DEVICE = r"(?:(?:[\w.-]+ [\w:.-]+ )?[\w.@-]+(?: \([^)]*\))?: )?"  # netdev_printk
CODE = r": (?:0x)?[0-9a-f]{1,16} \[#\d+\]"  # of die(): an error code and a counter
NAMES = r"[\w.$-]{1,64}"

OOPS, LOCKUP, PANIC, HUNG_TASK, WARNING = Severity

SIGNS: tuple[Sign, ...] = (
    # arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack}.c; before 6.9 without "Oops: "
    sign("null dereference", OOPS, r"BUG: (?P<what>kernel NULL pointer dereference), address: "),
    sign("page fault", OOPS, r"BUG: unable to handle (?P<what>page fault) for address: "),
    sign("null dereference", OOPS, r"(?:BUG: u|U)nable to handle kernel (?P<what>NULL pointer dereference) at "),
    sign("page fault", OOPS, r"(?:BUG: u|U)nable to handle kernel paging request (?:at|for) "),
    sign("stack overflow", OOPS, rf"BUG: {NAMES} (?P<what>stack guard page) was hit at "),
    sign("double fault", OOPS, r"(?:traps: )?PANIC: (?P<what>double fault), error_code: "),
    sign("bug", OOPS, r"kernel (?P<what>BUG) at (?P<place>\S+?:\d+)!$"),
    sign("general protection fault", OOPS, rf"(?:Oops: )?(?P<what>general protection fault)(?:, [^:]{{1,120}})?{CODE}"),
    sign("stack overflow", OOPS, rf"(?:Oops: )?(?P<what>kernel stack overflow)[^:]{{0,40}}{CODE}"),
    sign("oops", OOPS, rf"(?:Internal error: )?(?:Oops: )?(?P<what>[A-Za-z][\w ,/()-]{{1,80}}){CODE}"),
    # kernel/watchdog*.c, kernel/rcu/tree_{stall,exp}.h, kernel/rcu/tasks.h, kernel/workqueue.c
    sign("soft lockup", LOCKUP, r"(?:(?:NMI )?watchdog: )?BUG: (?P<what>soft lockup) - CPU#\d+ stuck for \d+s! "),
    sign("hard lockup", LOCKUP, r"[Ww]atchdog CPU:\d+ (?P<what>Hard LOCKUP)$"),  # of powerpc
    sign("hard lockup", LOCKUP, r"(?:NMI )?watchdog: Watchdog detected (?P<what>hard LOCKUP) on cpu \d+"),
    sign("rcu stall", LOCKUP, r"(?:rcu: )?INFO: (?P<what>rcu\w*) (?:self-)?detected (?:expedited )?stalls?\b"),
    sign(
        "rcu stall", LOCKUP,
        r"(?:rcu: )?(?P<what>rcu\w*) kthread (?:starved for|timer wakeup didn't happen for) \d+ jiffies!",
    ),
    sign("workqueue lockup", LOCKUP, r"(?:workqueue: )?BUG: (?P<what>workqueue lockup) - pool"),
    sign(
        "spinlock lockup", LOCKUP,
        r"BUG: (?P<what>(?:spin|rw)lock (?:cpu recursion|recursion|lockup suspected)) on CPU#\d+",
    ),
    # kernel/panic.c
    sign("panic", PANIC, r"Kernel panic - not syncing: (?P<what>.*)"),
    # kernel/hung_task.c
    sign(
        "hung task", HUNG_TASK, r"INFO: task (?P<what>.{1,64}:\d+) blocked (?:in I/O wait )?for more than \d+ seconds",
    ),
    # kernel/panic.c; from 6.18 on the processor stands behind the place
    sign("warning", WARNING, r"WARNING: CPU: \d+ PID: \d+ at (?P<what>(?:\.\./)*[\w./+-]+:\d+|\S+)"),
    sign("warning", WARNING, r"WARNING: (?P<what>(?:\.\./)*[\w./+-]+:\d+) at [^,]+, CPU#\d+: "),
    # mm/kasan, mm/kfence, mm/kmsan, kernel/kcsan, lib/ubsan.c, mm/kmemleak.c
    sign("kasan", WARNING, r"BUG: (?P<what>KASAN: [\w -]+?)(?: in (?P<where>.+))?$"),
    sign("kfence", WARNING, r"BUG: (?P<what>KFENCE: [\w -]+?) in (?P<where>.+)"),
    sign("kmsan", WARNING, r"BUG: (?P<what>KMSAN: [\w -]+?) in (?P<where>.+)"),
    sign("kcsan", WARNING, r"BUG: (?P<what>KCSAN: [\w: -]+?) in (?P<where>.+)"),
    sign("ubsan", WARNING, r"(?P<what>UBSAN: [a-z][\w -]*?) in (?P<place>\S+)$"),
    sign("kmemleak", WARNING, r"kmemleak: \d+ (?P<what>new suspected memory leaks) \(see "),
    # kernel/locking/lockdep.c, include/linux/rcupdate.h
    sign("lockdep", WARNING, r"WARNING: (?P<what>possible (?:circular locking dependency|recursive locking) detected)"),
    sign("lockdep", WARNING, r"WARNING: (?P<what>possible irq lock inversion dependency detected)"),
    sign("lockdep", WARNING, r"WARNING: (?P<what>[\w-]+-safe -> [\w-]+-unsafe lock order detected)"),
    sign("lockdep", WARNING, r"WARNING: (?P<what>inconsistent lock state)$"),
    sign("lockdep", WARNING, r"WARNING: (?P<what>(?:bad (?:unlock balance|contention) detected|held lock freed)!)"),
    sign("lockdep", WARNING, r"WARNING: (?P<what>lock held when returning to user space!)"),
    sign("lockdep", WARNING, r"WARNING: .{1,64}/\d+ (?P<what>still has locks held!)"),
    sign("lockdep", WARNING, r"WARNING: (?P<what>Nested lock was not taken)$"),
    sign("lockdep", WARNING, r"\[ (?:BUG|INFO): (?P<what>[A-Za-z][^\]]{3,60}?) ?\]$"),
    sign("lockdep", WARNING, r"INFO: (?P<what>trying to register non-static key)\."),
    sign("lockdep", WARNING, r"BUG: (?P<what>MAX_(?:LOCK|STACK)\w+ too low!)"),
    sign("suspicious rcu", WARNING, r"WARNING: (?P<what>suspicious RCU usage)"),
    # kernel/sched/core.c, lib/smp_processor_id.c, kernel/locking/spinlock_debug.c
    sign("atomic", WARNING, r"BUG: (?P<what>scheduling while atomic): "),
    sign("atomic", WARNING, r"BUG: (?P<what>scheduling in a non-blocking section): "),
    sign("atomic", WARNING, r"BUG: (?P<what>sleeping function called from invalid context) at (?P<place>\S+:\d+)"),
    sign("atomic", WARNING, r"BUG: (?P<what>assuming (?:atomic|non migratable) context) at (?P<place>\S+:\d+)"),
    sign("preemptible", WARNING, r"BUG: (?P<what>using \w+\(\) in preemptible) \[[0-9a-f]+\] code: "),
    sign("spinlock", WARNING, r"BUG: (?P<what>(?:spin|rw)lock [a-z ]+?) on CPU#\d+"),
    # mm/slub.c, mm/page_alloc.c, mm/memory.c, mm/filemap.c, kernel/fork.c, mm/oom_kill.c
    sign("slab", WARNING, r"(?P<what>BUG \S+) \((?:Not tainted|Tainted: [^)]*)\): (?P<more>.*)"),
    sign("bad page", WARNING, rf"BUG: (?P<what>Bad page (?:state|map|cache)) in process {NAMES}"),
    sign("bad rss-counter", WARNING, r"BUG: (?P<what>Bad rss-counter state) mm:"),
    sign("page tables", WARNING, r"BUG: (?P<what>non-zero pgtables_bytes) on freeing mm: "),
    sign("allocation failure", WARNING, r".{1,64}: (?P<what>page allocation failure): order:\d+, mode:"),
    sign("out of memory", WARNING, r".{1,64} invoked (?P<what>oom-killer): gfp_mask="),
    sign("out of memory", WARNING, r"(?P<what>(?:Memory cgroup )?[Oo]ut of memory): Killed process \d+ \("),
    # kernel/workqueue.c, kernel/irq/spurious.c, fs/sysfs/dir.c, fs/dcache.c, fs/ext4/super.c
    sign(
        "workqueue", WARNING,
        r"(?:workqueue: )?BUG: (?P<what>workqueue leaked (?:atomic, lock or RCU|lock or atomic)): ",
    ),
    sign("interrupt", WARNING, r"irq \d+: (?P<what>nobody cared) \(try booting with "),
    sign("sysfs", WARNING, r"sysfs: (?P<what>cannot create duplicate filename) '"),
    sign("dentry", WARNING, r"BUG: (?P<what>Dentry) \S+\{.*\} +still in use"),
    sign("inodes", WARNING, r"VFS: (?P<what>Busy inodes after unmount) of "),
    sign("ext4", WARNING, r"(?P<what>EXT4-fs error) \(device [^)]+\)"),
    # net/sched/sch_generic.c: of the device from 6.5 on, a WARN_ONCE before; net/core/dev.c
    sign(
        "transmit timeout", WARNING, rf"{DEVICE}(?P<what>NETDEV WATCHDOG): (?:CPU: \d+: )?transmit queue \d+ timed out",
    ),
    sign("transmit timeout", WARNING, r"(?P<what>NETDEV WATCHDOG): \S+ \([^)]+\): transmit queue \d+ timed out"),
    sign("netdevice", WARNING, r"(?P<what>unregister_netdevice): waiting for \S+ to become free\. Usage count = "),
)  # fmt: skip

PRELUDES: tuple[Sign, ...] = (  # lines that name the kind of the BUG or WARNING that they stand right before
    sign("refcount", WARNING, r"(?P<what>refcount_t: [a-z0-9 ]+; [a-z -]+)\.$"),  # lib/refcount.c
    # lib/list_debug.c
    sign("list", WARNING, r"(?P<what>list_(?:add corruption|add double add|del corruption))[.,:]"),
    # mm/usercopy.c
    sign(
        "user copy", OOPS, r"usercopy: (?P<what>Kernel memory (?:exposure|overwrite) attempt) detected (?:from|to) ",
    ),
    # lib/string_helpers.c
    sign(
        "fortify", WARNING,
        r"(?P<what>(?:\w+: )?detected (?:buffer overflow|field-spanning write))(?::| in \w+$| \(size)",
    ),
    # mm/maccess.c
    sign("user copy", WARNING, r"(?P<what>Buffer overflow detected) \(\d+ < \d+\)!"),
    # net/core/skbuff.c
    sign("packet", OOPS, r"(?:skbuff: )?(?P<what>skb_(?:over|under)_panic): text:"),
    # lib/debugobjects.c
    sign(
        "debug object", WARNING, r"(?P<what>ODEBUG: [a-z_]+(?: [a-z_]+){1,3}?) \(active state \d+\) object",
    ),
)  # fmt: skip

DIE = re.compile(
    rf"(?:Internal error: )?(?:Oops: )?[A-Za-z][\w ,/()-]{{1,80}}{CODE}|Oops: (?:0x)?[0-9a-f]{{1,16}} \[#\d+\]"
)
"""The line of die(): it follows the line that tells of a page fault or of a BUG."""

# A line that begins no report is told so at once: most of a log is such lines.
MAYBE = re.compile(
    r"BUG|WARNING|INFO: |Oops|kernel BUG|Kernel panic|Unable|UBSAN|EXT4-fs error|NETDEV|watchdog|rcu|NMI|workqueue"
    r"|Watchdog|traps|kmemleak|sysfs|VFS: Busy|unregister_netdevice|irq \d|\[ (?:BUG|INFO)|PANIC|Internal error"
    r"|Out of|Memory cgroup|.*(?: \[#\d+\]|page allocation failure: |invoked oom-killer: |NETDEV WATCHDOG: )"
)


def sign_of(text: str) -> tuple[Sign, re.Match[str]] | None:
    """The kind of report that a line begins, and the match; None if it begins none."""
    return first_of(SIGNS, text) if MAYBE.match(text) else None


def prelude_of(text: str) -> tuple[Sign, re.Match[str]] | None:
    """The kind of the report that a line announces, and the match; None if it announces none."""
    return first_of(PRELUDES, text)


def first_of(signs: Iterable[Sign], text: str) -> tuple[Sign, re.Match[str]] | None:
    """The first of these kinds that a line fits, and the match."""
    return next(((each, found) for each in signs if (found := each.pattern.match(text))), None)
