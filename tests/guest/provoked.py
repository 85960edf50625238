"""The deeds of provoke.c, the guests that do them, and the reports that the kernel makes of them.

`python -m tests.guest.provoked` writes the guests' consoles to tests/logs/provoked, where host tests read them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from faultkit.kernel_log import Report, read_lines, read_log
from faultkit.machine import kbuild, payload
from faultkit.machine.image import Image, image
from faultkit.machine.initramfs import ArchiveMember, archive, with_folders
from faultkit.machine.qemu import Guest, Machine
from faultkit.machine.template import files
from faultkit.model.builds import KernelModule

MODULE = KernelModule(Path(__file__).with_name("provoke"), "provoke")
LOGS = Path(__file__).parents[1] / "logs" / "provoked"
LIMIT_S = 200.0

Told = tuple[str, str, str, str | None]  # severity, kind, beginning of the title, function to blame
PANIC = ("panic", "panic", "Fatal exception in interrupt", None)


def oops(name: str, kind: str, title: str) -> tuple[Told, ...]:
    """The one report of a deed that ends a thread."""
    return (("oops", kind, title, f"deed_{name}"),)


def warning(name: str, kind: str, title: str) -> tuple[Told, ...]:
    """The one report of a deed that is only told of."""
    return (("warning", kind, title, f"deed_{name}"),)


WITHOUT_OOPSES: Mapping[str, tuple[Told, ...]] = {  # the kernel looks for hung tasks as long as it had no oops
    "words": (),
    "hung_task": (("hung_task", "hung task", "provoked-wait:", "deed_waiting"),),
    "transmit_timeout": (("warning", "transmit timeout", "NETDEV WATCHDOG", None),),
    "soft_lockup": (("lockup", "soft lockup", "soft lockup", "deed_soft_lockup"),),
}
ONE_BY_ONE: Mapping[str, tuple[Told, ...]] = {
    "null_read": oops("null_read", "null dereference", "kernel NULL pointer dereference"),
    "null_write": oops("null_write", "null dereference", "kernel NULL pointer dereference"),
    "null_call": oops("null_call", "null dereference", "kernel NULL pointer dereference"),
    "wild_read": oops("wild_read", "page fault", "page fault"),
    "write_to_text": oops("write_to_text", "page fault", "page fault"),
    "run_data": (("oops", "page fault", "page fault", "data"),),
    "non_canonical": oops("non_canonical", "general protection fault", "general protection fault"),
    "undefined": oops("undefined", "oops", "invalid opcode"),
    "bug": oops("bug", "bug", "BUG"),
    "divide": oops("divide", "oops", "divide error"),
    "warn": warning("warn", "warning", "provoke.c:"),
    "warn_in_words": warning("warn_in_words", "warning", "provoke.c:"),
    "refcount_underflow": warning("refcount_underflow", "refcount", "refcount_t: underflow; use-after-free"),
    "refcount_from_zero": warning("refcount_from_zero", "refcount", "refcount_t: addition on 0; use-after-free"),
    "refcount_saturated": warning("refcount_saturated", "refcount", "refcount_t: saturated; leaking memory"),
    "refcount_leaked": warning("refcount_leaked", "refcount", "refcount_t: decrement hit 0; leaking memory"),
    "list_add": oops("list_add", "list", "list_add corruption"),
    "list_add_twice": oops("list_add_twice", "list", "list_add double add"),
    "list_del_twice": oops("list_del_twice", "list", "list_del corruption"),
    "list_del": oops("list_del", "list", "list_del corruption"),
    "copy_out": oops("copy_out", "user copy", "Kernel memory exposure attempt"),
    "copy_in": oops("copy_in", "user copy", "Kernel memory overwrite attempt"),
    "copy_too_much": warning("copy_too_much", "user copy", "Buffer overflow detected"),
    "memcpy": warning("memcpy", "fortify", "memcpy: detected field-spanning write"),
    "strcpy": (
        *warning("strcpy", "fortify", "strcpy: detected buffer overflow"),
        *oops("strcpy", "fortify", "strcpy: detected buffer overflow"),
    ),
    "skb_over": oops("skb_over", "packet", "skb_over_panic"),
    "skb_under": oops("skb_under", "packet", "skb_under_panic"),
    "kobject": warning("kobject", "warning", "lib/kobject.c:"),
    "sysfs": warning("sysfs", "sysfs", "cannot create duplicate filename"),
    "slab_redzone": warning("slab_redzone", "slab", "BUG provoked: "),
    "slab_poison": warning("slab_poison", "slab", "BUG provoked: "),
    "slab_free_twice": warning("slab_free_twice", "slab", "BUG provoked: "),
    "slab_free_inside": warning("slab_free_inside", "slab", "BUG provoked: Invalid object pointer"),
    "page_state": warning("page_state", "bad page", "Bad page state"),
    "rss": (("warning", "bad rss-counter", "Bad rss-counter state", None),),
    "page_allocation": warning("page_allocation", "allocation failure", "page allocation failure"),
    "memory_limit": (("warning", "out of memory", "oom-killer", None),),
    "atomic": warning("atomic", "atomic", "scheduling while atomic"),
    "interrupt": (("warning", "interrupt", "nobody cared", "deed_not_mine"),),
    "dentry": (
        ("warning", "dentry", "Dentry", None),
        ("warning", "inodes", "Busy inodes after unmount", None),
        ("oops", "bug", "BUG", None),
    ),
    "workqueue": (
        ("warning", "workqueue", "workqueue leaked atomic, lock or RCU", "deed_leaking_work"),
        ("warning", "atomic", "scheduling while atomic", None),
    ),
    "netdevice": (("warning", "netdevice", "unregister_netdevice", None),),
}
GUARDED: Mapping[str, tuple[Told, ...]] = {
    "kfence_use": warning("kfence_use", "kfence", "KFENCE: use-after-free read"),
    "kfence_bounds": warning("kfence_bounds", "kfence", "KFENCE: out-of-bounds read"),
    "kfence_free": warning("kfence_free", "kfence", "KFENCE: invalid free"),
    "kfence_corrupt": warning("kfence_corrupt", "kfence", "KFENCE: memory corruption"),
}
GUESTS: Mapping[str, tuple[str, Mapping[str, tuple[Told, ...]]]] = {  # name -> kernel options, deeds in order
    "deeds": ("", {**WITHOUT_OOPSES, **ONE_BY_ONE}),
    "kfence": ("kfence.sample_interval=1", GUARDED),
    "rcu": ("preempt=full", {"rcu_stall": (("lockup", "rcu stall", "rcu_preempt", "deed_rcu_stall"),)}),
    "stack": ("", {"stack": (("oops", "stack overflow", "stack guard page", "deed_deep"), PANIC)}),
    "breakpoint": ("", {"breakpoint": (*oops("breakpoint", "oops", "int3"), PANIC)}),
    "stack_protector": (
        "",
        {"stack_protector": (("panic", "panic", "stack-protector: Kernel stack is", "deed_stack_protector"),)},
    ),
    "panic": ("", {"panic": (("panic", "panic", "the flux capacitor is 88 % empty", None),)}),
}
DEED = "deed: "  # begins a line of the log before each deed

SCRIPT = """
import os, subprocess, sys, time
from pathlib import Path

SETTINGS = {
    "panic_on_oops": 0, "softlockup_panic": 0, "hung_task_timeout_secs": 4, "hung_task_warnings": 1, "printk": 8,
}
WAITS_S = {"hung_task": 10, "transmit_timeout": 1}

def say(text):
    Path("/dev/kmsg").write_text("<6>" + text)

def do(name):
    say("deed: " + name)
    if name == "dentry":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
        Path("/mnt/file").write_text("held")
    child = os.fork()
    if child == 0:
        if name == "memory_limit":
            Path("/sys/fs/cgroup/cgroup.subtree_control").write_text("+memory")
            group = Path("/sys/fs/cgroup/small")
            group.mkdir()
            (group / "memory.max").write_text("8M")
            (group / "cgroup.procs").write_text(str(os.getpid()))
            bytearray(b"x") * (64 << 20)
        os.write(os.open("/dev/provoke", os.O_WRONLY), name.encode())
        os._exit(0)
    end = time.monotonic() + 20
    while time.monotonic() < end and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.05)
    if name == "dentry":
        subprocess.run(["umount", "/mnt"])
    time.sleep(WAITS_S.get(name, 0.01))

for name, value in SETTINGS.items():
    Path("/proc/sys/kernel", name).write_text(str(value))
Path("/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout").write_text("3")
subprocess.run(["insmod", "/faultkit/provoke.ko"], check=True)
for name in sys.argv[1:]:
    do(name)
say("deed: end")
time.sleep(0.1)
Path("/proc/sysrq-trigger").write_text("b")
"""


def console_of(name: str, guest: Image) -> str:
    """The console of a guest that does its deeds, from the first of them on."""
    options, deeds = GUESTS[name]
    agent = b"python3 -m faultkit.guest"
    init = payload.INIT.replace(agent, f"python3 /faultkit/do.py {' '.join(deeds)}".encode())
    assert init != payload.INIT
    members = {
        f"{payload.HOME}/init": init,
        f"{payload.HOME}/do.py": SCRIPT.encode(),
        f"{payload.HOME}/provoke.ko": kbuild.built_module(MODULE, guest.kernel).read_bytes(),
    }
    with TemporaryDirectory() as folder:
        place = Path(folder)
        entries = (ArchiveMember(path, members[path], 0o755) for path in sorted(members))
        (place / "initrd").write_bytes(guest.initramfs.read_bytes() + archive(with_folders(entries)))
        machine = Machine(kernel_options=options)
        (place / "ram").touch()
        os.truncate(place / "ram", machine.memory_mib << 20)
        with Guest(machine, files(place, guest)) as running:
            running.run(LIMIT_S)
            console = running.console()
    return console[console.rindex("\n", 0, console.index(DEED)) + 1 :]


def told(console: str) -> dict[str, list[Report]]:
    """The reports of each deed."""
    marks = [(line.number, line.text.removeprefix(DEED)) for line in read_lines(console) if line.text.startswith(DEED)]
    found: dict[str, list[Report]] = {name: [] for _, name in marks}
    for report in read_log(console):
        found[[name for number, name in marks if number < report.first][-1]].append(report)
    return found


def agree(reports: list[Report], expected: tuple[Told, ...]) -> bool:
    """True if the reports are as expected; the last may be repeated where the first leaves a mess behind."""
    more = expected[-1:] * (len(reports) - len(expected)) if len(expected) > 1 else ()
    told_ = (*expected, *more)
    return len(reports) == len(told_) and all(map(agrees, reports, told_))


def agrees(report: Report, expected: Told) -> bool:
    """True if a report is as expected. Where nobody is to blame, no module's function is."""
    severity, kind, title, function = expected
    same = (report.severity, report.kind) == (severity, kind) and report.title.startswith(title)
    blamed = report.blamed.name.partition(".")[0] if report.blamed else None
    return same and (blamed == function if function else report.module is None)


if __name__ == "__main__":
    LOGS.mkdir(exist_ok=True)
    for each in GUESTS:
        (LOGS / f"{each}.log").write_text(console_of(each, image()))
