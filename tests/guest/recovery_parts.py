"""Faults and workloads that lead recovery into traps. A module of its own: it travels as a file."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from drivers.nbd import netlink
from drivers.nbd.driver import NODE
from drivers.rtl8139.driver import DEVICE
from faultkit.kit import Bench, Check, Fault, KeepsState, Side, Split, retry, run

FREEZER = Path("/run/freezer")
CHIP_COMMAND, RINGS_ON = 0x37, 0x0C  # RTL8139C(L)+ data sheet, 6.4: bits 2 (transmitter) and 3 (receiver)


@dataclass(frozen=True, slots=True)
class Disconnected:
    """nbd's connection is taken down; its server is well. `held`: somebody keeps the device open."""

    side: ClassVar[Side] = "channel"

    held: bool = False

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        holder = os.open(NODE, os.O_RDONLY | os.O_CLOEXEC) if self.held else None
        netlink.disconnect()
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        yield
        if holder is not None:
            os.close(holder)


@dataclass(frozen=True, slots=True)
class Rejoined:
    """A new connection is offered to an nbd that has a live one ("rejoin.tried", with the error)."""

    side: ClassVar[Side] = "channel"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        assert isinstance(bench.driver, Split)
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        error = ""
        try:
            bench.driver.reattach()
        except OSError as reason:
            error = str(reason.strerror)
        bench.report("test", "rejoin.tried", error=error)
        yield


@dataclass(frozen=True, slots=True)
class Unkillable:
    """The u-driver hangs and cannot be killed: a freezer of cgroups' first version holds it (freezer-subsystem.rst).

    Tells at the end if it is still there ("holdout.found").
    """

    side: ClassVar[Side] = "u-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        assert isinstance(bench.driver, Split)
        pid = bench.driver.udriver_pid()
        FREEZER.mkdir()
        run("mount", "-t", "cgroup", "-o", "freezer", "freezer", str(FREEZER))
        group = FREEZER / "held"
        group.mkdir()
        (group / "cgroup.procs").write_text(str(pid))
        (group / "freezer.state").write_text("FROZEN")
        retry(partial(is_frozen, group), timeout_s=1.0)
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        yield
        bench.report("test", "holdout.found", there=Path(f"/proc/{pid}/comm").exists())
        (group / "freezer.state").write_text("THAWED")


def is_frozen(group: Path) -> None:
    """Look at a freezer. Raises: OSError as long as something runs in it."""
    if (group / "freezer.state").read_text() != "FROZEN\n":
        raise OSError(f"{group} still freezes")


@dataclass(frozen=True, slots=True)
class Removed:
    """The k-driver is taken down and unloaded: an unload has worked, and the load that was to follow has not."""

    side: ClassVar[Side] = "k-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.report("injector", "fault.injected")
        bench.driver.detach()
        bench.driver.unload()
        bench.report("injector", "fault.activated")
        yield


@dataclass(frozen=True, slots=True)
class RingsStopped:
    """The network device's rings stand still: its receiver and transmitter are switched off behind the k-driver."""

    side: ClassVar[Side] = "device"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        [slot] = Path("/sys/module", bench.driver.modules[0], "drivers").glob("pci:*/*:*:*.*")
        with (slot / "resource0").open("r+b", buffering=0) as registers:
            os.pwrite(registers.fileno(), b"\0", CHIP_COMMAND)
            assert os.pread(registers.fileno(), 1, CHIP_COMMAND)[0] & RINGS_ON == 0
        bench.report("injector", "fault.injected")
        bench.report("injector", "fault.activated")
        yield


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """An administrator changes settings; then comes a fault. At the end it is told what they are ("settings.found")."""

    side: ClassVar[Side] = "k-driver"

    fault: Fault

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        driver = bench.driver
        assert isinstance(driver, KeepsState)
        change_network() if driver.device == DEVICE else change_block()
        bench.report("test", "settings.made", **plain(driver.save()))
        time.sleep(0.5)  # some heartbeats
        with self.fault.inject(bench):
            yield
        bench.report("test", "settings.found", **plain(driver.save()))


def change_network() -> None:
    """Every kind of setting that an interface has."""
    for command in (
        f"ip link set {DEVICE} mtu 1400 promisc on allmulticast on txqueuelen 77",
        f"ip link set {DEVICE} address 52:54:00:00:00:99",
        f"ip addr add 10.0.0.77/24 dev {DEVICE}",
        f"ip addr add 192.168.7.1/29 dev {DEVICE}",
        f"ip maddress add 01:00:5e:01:02:03 dev {DEVICE}",
        f"ethtool -K {DEVICE} rx off tso off gso off gro off",
        f"ethtool -s {DEVICE} msglvl 5",
    ):
        run(*command.split())


def change_block() -> None:
    """Some attributes of the queue, the scheduler among them."""
    queue = Path("/sys/block/nbd0/queue")
    for name, value in (
        ("scheduler", "none"),
        ("nr_requests", "47"),
        ("read_ahead_kb", "512"),
        ("nomerges", "2"),
    ):
        (queue / name).write_text(value)


def plain(settings: Any) -> dict[str, Any]:
    """Settings as an event's data."""
    data = settings if isinstance(settings, dict) else asdict(settings)
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in data.items()}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Two requests, each with a long time after it in which only the heartbeat works.

    Tells what the guest holds at its beginning and at its end ("holdings.counted").
    """

    wait_s: float = 1.0
    deadline_s: float = 300.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        bench.report("test", "holdings.counted", **holdings())
        for _ in range(2):
            with suppress(OSError), bench.request("probe"):
                bench.driver.probe()
            time.sleep(self.wait_s / 2)
        bench.report("test", "holdings.counted", **holdings())
        return lambda: bench.report("workload", "check.passed")


@dataclass(frozen=True, slots=True)
class WritesBack:
    """Two blocks are written to nbd's page cache, each in a request, and brought to the server outside of any."""

    deadline_s: float = 4.0  # before nbd gives up to wait for a new server
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        fd = os.open(NODE, os.O_WRONLY | os.O_CLOEXEC)
        for n in range(2):
            with bench.request("write", block=n):
                os.pwrite(fd, bytes(4096), 4096 * n)
        os.fsync(fd)
        os.close(fd)
        return lambda: bench.report("workload", "check.passed")


@dataclass(frozen=True, slots=True)
class Counted:
    """A fault, and what the guest holds before it and at the end ("holdings.counted")."""

    side: ClassVar[Side] = "u-driver"

    fault: Fault

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.report("test", "holdings.counted", **holdings())
        with self.fault.inject(bench):
            yield
        bench.report("test", "holdings.counted", **holdings())


def holdings() -> dict[str, int]:
    """Resources that leak if recovery forgets one: the agent's descriptors and threads, and processes by state."""
    states = Counter(state_letters())
    return {
        "fds": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "zombies": states["Z"],
        "blocked": states["D"],
        "processes": states.total(),
    }


def state_letters() -> Iterator[str]:
    """The state of every thread of user space, as in proc(5)."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):  # it may have ended
            words = stat.read_text().rpartition(")")[2].split()
            if words[1] != "2":  # kthreadd's children
                yield words[0]
