"""The harms that come to a campaign: each is a function of the running harness, and says if it found what to harm."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGABRT, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM

import psutil

from tests.soak.session import FaultkitRun, Places

PIDFD_GETFD = 438  # the system call's number
LONGEST_PAUSE_S = 1.5
FILLER = ".filler"
BLOCK = bytes(1 << 16)


@dataclass(slots=True)
class Scene:
    """All that a harm may harm, and its source of chance."""

    run: FaultkitRun
    places: Places
    draw: random.Random

    def wait(self, longest_s: float = LONGEST_PAUSE_S) -> None:
        """Let some time pass."""
        time.sleep(self.draw.uniform(0.02, longest_s))


def kill_harness(scene: Scene) -> bool:
    """End faultkit without a word."""
    return scene.run.send(scene.draw.choice((SIGKILL, SIGKILL, SIGQUIT, SIGABRT)))


def interrupt_harness(scene: Scene) -> bool:
    """Ask faultkit to end, sometimes twice."""
    asked = [scene.run.send(scene.draw.choice((SIGINT, SIGTERM, SIGHUP))) for _ in range(scene.draw.choice((1, 1, 2)))]
    return asked[0]


def kill_qemu(scene: Scene) -> bool:
    """End one of its QEMUs, or what is about to become one."""
    return to_a_guest(scene, lambda guest: guest.send_signal(scene.draw.choice((SIGKILL, SIGTERM, SIGINT))))


def stop_qemu(scene: Scene) -> bool:
    """Suspend one of its QEMUs for a while."""

    def suspend(guest: psutil.Process) -> None:
        guest.send_signal(SIGSTOP)
        try:
            scene.wait()
        finally:
            guest.send_signal(SIGCONT)

    return to_a_guest(scene, suspend)


def to_a_guest(scene: Scene, action: Callable[[psutil.Process], None]) -> bool:
    """Do this to one of its guests; False if there is none."""
    guests = scene.run.guests()
    if not guests:
        return False
    with suppress(psutil.NoSuchProcess):
        action(scene.draw.choice(guests))
        return True
    return False


def stop_harness(scene: Scene) -> bool:
    """Suspend faultkit for a while; its guests run on."""
    if not scene.run.send(SIGSTOP):
        return False
    try:
        scene.wait()
    finally:
        scene.run.send(SIGCONT)
    return True


def fill_results(scene: Scene) -> bool:
    """Fill the disk under the results for a while."""
    with filled(scene.places.results):
        scene.wait(3.0)
    return True


def fill_cache(scene: Scene) -> bool:
    """Fill the disk under the cache for a while."""
    with filled(scene.places.cache):
        scene.wait(3.0)
    return True


@contextmanager
def filled(place: Path) -> Iterator[None]:
    """A full disk, all but a few bytes."""
    file = place / FILLER
    try:
        with suppress(OSError), file.open("wb", buffering=0) as filler:
            free = shutil.disk_usage(place).free
            os.posix_fallocate(filler.fileno(), 0, max(1, free - (1 << 20)))
            filler.seek(0, os.SEEK_END)
            while True:
                filler.write(BLOCK)
        yield
    finally:
        file.unlink(missing_ok=True)


def close_stream(scene: Scene) -> bool:
    """Go away as the reader of its standard output, of its standard error, or of both."""
    chosen = scene.draw.choice(((0,), (1,), (0, 1)))
    for each in chosen:
        scene.run.readers[each].go_away()
    return True


def allow_few_files(scene: Scene) -> bool:
    """Let faultkit open no more files than it has, or two more, for a while."""
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        process = psutil.Process(scene.run.process.pid)
        before = process.rlimit(resource.RLIMIT_NOFILE)
        process.rlimit(resource.RLIMIT_NOFILE, (process.num_fds() + scene.draw.randint(0, 2), before[1]))
        scene.wait()
        process.rlimit(resource.RLIMIT_NOFILE, before)
        return True
    return False


def cut_connection(scene: Scene) -> bool:
    """Shut one of its connections to its QEMUs down."""
    with suppress(OSError):
        pidfd = os.pidfd_open(scene.run.process.pid)
        try:
            found = sockets_of(scene.run.process.pid)
            return bool(found) and shut_down(pidfd, scene.draw.choice(found))
        finally:
            os.close(pidfd)
    return False


def sockets_of(pid: int) -> list[int]:
    """The descriptors of a process that are sockets, in order."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if stat.S_ISSOCK(entry.stat().st_mode):
                found.append(int(entry.name))
    return sorted(found)


def shut_down(pidfd: int, number: int) -> bool:
    """Shut a socket of another process down; False if it is gone."""
    ours = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, number, 0)
    if ours < 0:
        return False
    with socket.socket(fileno=ours) as its:
        its.shutdown(socket.SHUT_RDWR)
    return True


def drop_template(scene: Scene) -> bool:
    """End faultkit, and drop its template, which the next run prepares again."""
    scene.run.send(SIGKILL)
    scene.run.process.wait()
    shutil.rmtree(scene.places.cache / "templates", ignore_errors=True)
    return True


Harm = Callable[[Scene], bool]
WEIGHTS: Mapping[Harm, int] = {
    kill_harness: 12,
    interrupt_harness: 10,
    kill_qemu: 18,
    stop_qemu: 10,
    stop_harness: 10,
    fill_results: 10,
    fill_cache: 6,
    close_stream: 8,
    allow_few_files: 8,
    cut_connection: 8,
}
RARE: Mapping[Harm, float] = {drop_template: 0.006}  # preparing one takes longer than many trials


def harm(scene: Scene) -> str:
    """Do one harm; its name. One that finds nothing to harm gives way to another."""
    while True:
        chosen = next((each for each, share in RARE.items() if scene.draw.random() < share), None)
        chosen = chosen or scene.draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if chosen(scene):
            return chosen.__name__
        if not scene.run.running:
            return ""
